/**
 * Which page of the site stands for which file of the repository.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

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
  const links = markdownFiles().flatMap((markdown) => {
    const text = textOf(markdown);
    const inText = [...text.matchAll(/\]\(([^)#\s]+)/g)]
      .map(([, href = '']) => leadsTo(markdown, href))
      .filter((target) => target !== null);
    // Two words of a difference, one of a piece of code.
    const atFences = [...text.matchAll(/^```(?:ts|diff) (.+)$/gm)];
    return [
      ...inText,
      ...atFences.flatMap(([, names = '']) => names.split(' ')),
    ];
  });
  const sources = links.filter((path) => !/\.(md|svg)$/.test(path));
  return [
    ...new Set(sources.flatMap((path) => [path, ...filesIn(path)])),
  ].sort();
}

function markdownFiles(): string[] {
  const docs = ['docs', 'docs/exercises'].flatMap(filesIn);
  return ['README.md', 'CONTRIBUTING.md', ...docs].filter((file) =>
    file.endsWith('.md'),
  );
}

/** The files of a folder; of a file, none. */
export function filesIn(folder: string): string[] {
  if (!statSync(join(ROOT, folder)).isDirectory()) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name));
}
