/**
 * Which page of the site stands for which file of the repository.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readChapter, readChapters } from '../../tools/docs/chapters.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The page that a Markdown file becomes: README.md is the home page. */
export function pageOf(markdown: string): string {
  return markdown
    .replace(/^docs\//, '')
    .replace(/(^|\/)README\.md$/, '$1index.md');
}

/**
 * The page that shows a source file, or lists a folder. Many a host does not
 * serve what has a name with a dot in front.
 */
export function sourcePageOf(file: string): string {
  return `source/${file.replace(/^\./, '')}.md`;
}

/** A path as a link from one page to another. */
export function linkBetween(from: string, to: string): string {
  const path = relative(dirname(from), to);
  return path.startsWith('.') ? path : `./${path}`;
}

/** The file or folder that a link in a Markdown file leads to, if there is. */
export function leadsTo(markdown: string, href: string): string | null {
  const path = join(dirname(markdown), href);
  return !path.startsWith('..') && existsSync(join(ROOT, path)) ? path : null;
}

/** A file's text. */
export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** All source files and folders that pages lead to, in alphabetical order. */
export function linkedSources(): string[] {
  const others = ['README.md', 'CONTRIBUTING.md'].map(readChapter);
  const links = [...others, ...readChapters()].flatMap((page) => {
    const { file, lines, fences } = page;
    const inText = [...lines.join('\n').matchAll(/\]\(([^)#\s]+)/g)]
      .map(([, href = '']) => leadsTo(file, href))
      .filter((target) => target !== null);
    // Two words of a difference, one of a piece of code.
    const named = fences.filter(({ info }) => /^(ts|diff) /.test(info));
    return [
      ...inText,
      ...named.flatMap(({ info }) => info.split(' ').slice(1)),
    ];
  });
  const sources = links.filter((path) => !/\.(md|svg)$/.test(path));
  return [
    ...new Set(sources.flatMap((path) => [path, ...filesIn(path)])),
  ].sort();
}

/** The files of a folder; of a file, none. */
export function filesIn(folder: string): string[] {
  if (!statSync(join(ROOT, folder)).isDirectory()) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name));
}
