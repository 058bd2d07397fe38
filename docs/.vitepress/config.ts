/**
 * The course as a site.
 */
import { defineConfig } from 'vitepress';
import { anywhere } from './anywhere';
import { addRules, slugify } from './markdown';
import { pageOf } from './repository';

/** One line that becomes two. */
const ICON = encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="#0969da" stroke-width="2" stroke-linecap="round"><path d="M2 8h4c4 0 2-5 8-5M6 8c4 0 2 5 8 5"/></svg>',
);

export default defineConfig({
  ...anywhere,
  title: 'accept · fork · reap',
  description:
    'How a web server serves many clients at once on Unix: a course with running code',
  lang: 'en',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${ICON}` }]],
  // The home page is README.md, so the pages lie in the whole repository.
  srcDir: '..',
  srcExclude: ['!(docs)/**/*'],
  outDir: '../build/site',
  rewrites: pageOf,
  transformPageData: ({ relativePath, frontmatter }) => {
    if (relativePath === 'index.md') frontmatter.pageClass = 'home';
    // The picture wants the room.
    if (relativePath === 'live.md') frontmatter.aside = false;
  },
  markdown: {
    anchor: { slugify },
    config: addRules,
  },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Begin', link: '/0-before' },
      { text: 'Your server, live', link: '/live' },
      { text: 'Glossary', link: '/glossary' },
    ],
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
          { text: 'Changelog', link: '/CHANGELOG' },
        ],
      },
    ],
  },
});
