/**
 * What the site makes of the chapters' Markdown, which stays as it is.
 */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { MarkdownRenderer } from 'vitepress';
import { escapeXml } from '../../tools/common/svg';
import {
  leadsTo,
  linkBetween,
  pageOf,
  ROOT,
  sourcePageOf,
  textOf,
} from './repository';

type Rule = NonNullable<MarkdownRenderer['renderer']['rules']['fence']>;
type State = Parameters<
  Parameters<MarkdownRenderer['core']['ruler']['push']>[1]
>[0];
type Token = State['tokens'][number];
/** What is known of the page that is rendered. */
interface Page {
  path: string;
  /** The file, where the page has another name. */
  realPath?: string;
}

/** The anchor that GitHub makes of a heading. */
export function slugify(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

export function addRules(md: MarkdownRenderer): void {
  md.core.ruler.before('normalize', 'prepare', prepare);
  md.core.ruler.push('predictions', markPredictions);
  md.core.ruler.push('links', leadLinks);
  const fence = md.renderer.rules.fence as Rule;
  md.renderer.rules.fence = (...all) => renderFence(fence, ...all);
}

/** A code host has pages of its own for a repository, which are not here. */
const BADGE = /^\[!\[.*\]\(\.\.\/\.\.\/actions\/\S+\) /gm;
/** A paragraph that announces a lab. */
const LAB = /^\*\*See it happen:\*\* \[`npm run lab (\S+)`\](.*\n)+?(?=\n|$)/gm;

/** Drops badges, and puts a player below each lab that has been recorded. */
function prepare(state: State): void {
  state.src = state.src
    .replace(BADGE, '')
    .replace(LAB, (paragraph, lab) =>
      existsSync(join(ROOT, `docs/replays/${lab}.json`))
        ? `${paragraph}\n<Player lab="${lab}" />\n`
        : paragraph,
    );
}

/** The Markdown file that is rendered, as a path in the repository. */
function fileOf({ path, realPath = path }: Page): string {
  return relative(ROOT, realPath);
}

// Links ///////////////////////////////////////////////////////////////////////

function leadLinks({ tokens, env }: State): void {
  const file = fileOf(env);
  for (const token of tokens.flatMap(({ children }) => children ?? [])) {
    if (token.type === 'link_open') lead(token, file);
  }
}

/** Lets a link lead to a page of the site. */
function lead(link: Token, file: string): void {
  const [path = '', anchor] = (link.attrGet('href') ?? '').split('#');
  if (/^\w+:/.test(path)) return;
  const target = path === '' ? file : leadsTo(file, path);
  if (target === null) return;
  if (target === 'docs/glossary.md' && anchor) {
    const meaning = GLOSSARY.get(anchor);
    if (meaning) link.attrSet('data-meaning', meaning);
  }
  if (path === '') return;
  const page = target.endsWith('.md') ? pageOf(target) : sourcePageOf(target);
  const hash = anchor ? `#${anchor}` : '';
  link.attrSet('href', linkBetween(pageOf(file), page) + hash);
}

/** The first sentence of each entry of the glossary, by its anchor. */
const GLOSSARY = new Map(
  [...textOf('docs/glossary.md').matchAll(/^### (.+)\n\n((?:.+\n)+)/gm)].map(
    ([, word = '', text = '']) => [slugify(word), firstSentence(text.trim())],
  ),
);

function firstSentence(markdown: string): string {
  const text = markdown
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replace(/[`*]/g, '')
    .replaceAll('\n', ' ');
  // A quotation alone, such as “Try again.”, would say too little.
  return /^(“[^”]*” )?.*?\.(?= [A-Z(“]|$)/.exec(text)?.[0] ?? text;
}

// Paragraphs //////////////////////////////////////////////////////////////////

/** What asks the reader for a prediction shall not be overlooked. */
function markPredictions({ tokens }: State): void {
  for (const [index, { type, content }] of tokens.entries()) {
    const asks = type === 'inline' && content.startsWith('**Predict:**');
    if (asks) tokens[index - 1]?.attrSet('class', 'predict');
  }
}

// Code ////////////////////////////////////////////////////////////////////////

/** What a fence becomes depends on the words behind its backquotes. */
function renderFence(
  usual: Rule,
  ...[tokens, index, ...more]: Parameters<Rule>
) {
  const token = tokens[index] as Token;
  const [kind = '', ...names] = token.info.split(' ');
  if (kind === 'console') return terminal(names.join(' '), token.content);
  if (kind === 'sh') return terminal('terminal', token.content, '');
  if (names.length === 0) return usual(tokens, index, ...more);
  const marks = kind === 'diff' ? takeMarks(token) : null;
  token.info = 'ts';
  const html = usual(tokens, index, ...more);
  const page = pageOf(fileOf(more[1]));
  const titles = names.map((file) => linkTo(file, page));
  return mark(entitle(html, titles), marks);
}

/** A transcript. What the built-in button copies are the commands alone. */
function terminal(name: string, transcript: string, prompt = '$ '): string {
  const lines = transcript.trimEnd().split('\n');
  const last = lines.findLastIndex((line) => line.startsWith(prompt));
  const html = lines.map((line, index) => {
    const words = paint(line);
    if (!line.startsWith(prompt)) return skipped('output', `${words}\n`);
    const end = index === last ? skipped('end', '\n') : '\n';
    const command = words.slice(prompt.length);
    return `<span class="command">${skipped('prompt', prompt)}${command}${end}</span>`;
  });
  const button =
    last < 0
      ? '<i></i>'
      : '<button title="Copy the commands" class="copy"></button>';
  return (
    `<div class="language-console titled ${name.replace(' ', '-')} terminal">${button}` +
    `<span class="lang">${name}</span>` +
    `<pre v-pre><code>${html.join('')}</code></pre></div>\n`
  );
}

function skipped(name: string, html: string): string {
  return `<span class="${name} vp-copy-ignore">${html}</span>`;
}

/** As in a terminal, see shared/log.ts. */
const PALETTE = '#56d4dd #e3b341 #7ee787 #e2a5ff #79c0ff #ffa198'.split(' ');

/** A server's log has a colour for each process. */
function paint(line: string): string {
  return escapeXml(line).replace(
    /^\[(\d+)\]/,
    (all, pid) => `<span style="color:${PALETTE[pid % 6]}">${all}</span>`,
  );
}

/** Leaves the code of a difference, and returns what stands before each line. */
function takeMarks(token: Token): string[] {
  const lines = token.content.trimEnd().split('\n');
  token.content = lines
    .map((line) => (line.startsWith('@@') ? '⋯' : line.slice(1)))
    .join('\n');
  return lines.map(([mark = ' ']) => mark);
}

const KINDS: Record<string, string> = {
  '+': 'line diff add',
  '-': 'line diff remove',
  '@': 'line gap vp-copy-ignore',
};

/** Gives the lines of a difference the classes that colour them. */
function mark(html: string, marks: string[] | null): string {
  if (!marks) return html;
  let line = 0;
  const block = html.replace('titled', 'titled diff-of-stages');
  return block.replaceAll('<span class="line">', (all) => {
    const kind = KINDS[marks[line++] ?? ''];
    return kind ? `<span class="${kind}">` : all;
  });
}

/** Writes above a piece of code where it comes from. */
function entitle(html: string, titles: string[]): string {
  const title = titles.join(' <span class="to">→</span> ');
  return html
    .replace('<div class="', '<div class="titled ')
    .replace(
      '<span class="lang">ts</span>',
      `<span class="lang">${title}</span>`,
    );
}

function linkTo(file: string, page: string): string {
  const href = linkBetween(page, sourcePageOf(file)).replace(/\.md$/, '.html');
  return `<a href="${href}">${file}</a>`;
}
