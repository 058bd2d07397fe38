/**
 * The course as a site.
 */
import { defineConfig } from 'vitepress';
import { anywhere } from './anywhere';
import { addRules, slugify } from './markdown';
import { pageOf } from './repository';

export default defineConfig({
  ...anywhere,
  title: 'accept · fork · reap',
  description:
    'How a web server serves many clients at once on Unix: a course with running code',
  lang: 'en',
  // The home page is README.md, so the pages lie in the whole repository.
  srcDir: '..',
  srcExclude: ['!(docs)/**/*'],
  outDir: '../build/site',
  rewrites: pageOf,
  markdown: {
    anchor: { slugify },
    config: addRules,
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: 2, label: 'On this page' },
    sidebar: [
      {
        text: 'The course',
        items: [
          { text: 'Start here', link: '/' },
          { text: 'Before you begin', link: '/0-before' },
          { text: 'Part 1: one after the other', link: '/1-iterative' },
          { text: 'Part 2: one child per request', link: '/2-forking' },
          { text: 'Part 3: closing and reaping', link: '/3-reaping' },
          { text: 'Beyond: how servers do it', link: '/4-beyond' },
          { text: 'Forking Node', link: '/5-node' },
          { text: 'Exercises', link: '/exercises/' },
        ],
      },
      {
        text: 'Beside it',
        items: [
          { text: 'Your server, live', link: '/live' },
          { text: 'Glossary', link: '/glossary' },
          { text: 'Symptoms', link: '/symptoms' },
          { text: 'Windows and macOS', link: '/windows-and-macos' },
          { text: 'Contributing', link: '/CONTRIBUTING' },
        ],
      },
    ],
  },
});
