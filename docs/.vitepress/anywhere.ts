/**
 * A site that works under whatever path it is put: what VitePress writes for
 * one path, its base, is found out by the reader's browser instead.
 */
import { dirname, relative } from 'node:path';
import type { UserConfig } from 'vitepress';

/** Stands for the path in what is built. */
const BASE = '/__base__/';

export const anywhere = {
  base: BASE,
  vite: {
    define: { 'import.meta.env.BASE_URL': 'globalThis.__BASE__' },
    experimental: {
      renderBuiltUrl: (file, { hostType, ssr }) => {
        if (hostType === 'css') return { relative: true };
        if (hostType !== 'js' || ssr) return undefined;
        return { runtime: `globalThis.__BASE__+${JSON.stringify(file)}` };
      },
    },
    plugins: [
      {
        name: 'search-anywhere',
        enforce: 'post',
        transform: (code, id) =>
          id.startsWith('/@localSearchIndex') && code.includes(BASE)
            ? `${code}.replaceAll('${BASE}', globalThis.__BASE__)`
            : undefined,
      },
    ],
  },
  transformHtml: (html, file, { siteConfig }) => {
    const root = `${relative(dirname(file), siteConfig.outDir) || '.'}/`;
    const find = `window.__BASE__=new URL('${root}',location).pathname;`;
    return html
      .replace('window.__VP_HASH_MAP__=', `${find}$&`)
      .replaceAll(`\\"${BASE}\\"`, '\\""+__BASE__+"\\"')
      .replaceAll(`"${BASE}`, `"${root}`);
  },
} satisfies UserConfig;
