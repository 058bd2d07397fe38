/**
 * The course as a site.
 */
import { defineConfig } from 'vitepress';

export default defineConfig({
  title: 'accept · fork · reap',
  description:
    'How a web server serves many clients at once on Unix: a course with running code',
  lang: 'en',
  // The home page is README.md, so the pages lie in the whole repository.
  srcDir: '..',
  srcExclude: ['!(README.md|CONTRIBUTING.md|docs)', '!(docs)/**'],
  outDir: '../build/site',
  ignoreDeadLinks: true,
  rewrites: (page) =>
    page.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md'),
});
