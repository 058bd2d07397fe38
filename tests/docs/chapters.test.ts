/**
 * What the chapters quote, draw and link to is there, and as they say.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderPicture } from '../../tools/common/svg';
import { readChapter, readChapters } from '../../tools/docs/chapters';
import { differenceOf } from '../../tools/docs/differences';
import { PICTURES } from '../../tools/docs/pictures/index';
import { findStageTable, stageTable } from '../../tools/docs/stage-table';
import { LABS } from '../../tools/lab/labs';

const PAGES = [...readChapters(), readChapter('README.md')];

const FENCES = PAGES.flatMap(({ file, fences }) =>
  fences.map((fence) => ({ ...fence, page: file })),
);

describe('a code fence that names a file is a slice of that file', () => {
  const named = FENCES.filter(({ info }) => /^ts \S+$/.test(info));
  test.each(named)('$page: $info', ({ info, lines }) => {
    const source = readFileSync(info.slice('ts '.length), 'utf8');
    expect(`\n${source}`).toContain(`\n${lines.join('\n')}\n`);
  });
});

describe('a difference between stages is what diff says', () => {
  const differences = FENCES.filter(({ info }) => info.startsWith('diff '));
  test.each(differences)('$page: $info', ({ info, lines }) => {
    const [, before = '', after = ''] = info.split(' ');
    expect(lines).toEqual(differenceOf(before, after));
  });
});

describe('every code fence says what it is', () => {
  const kind = /^(ts \S+|diff \S+ \S+|console terminal \d|sh|text|json)$/;
  test.each(PAGES)('$file', ({ file, fences }) => {
    // The front door shows some of what the chapters show.
    if (file === 'README.md') return;
    for (const { info } of fences) expect(info).toMatch(kind);
  });
});

test('the table of README.md says what npm test has found', ({ skip }) => {
  const found = stageTable();
  if (found === null) return skip('npm test has not made it here');
  const { lines } = readChapter('README.md');
  const [start, size] = findStageTable(lines);
  // A request more or less is no news. Nor is whether a zombie stays in step c
  // when its children end one at a time.
  const words = (table: string[]) =>
    table.map((line) =>
      line.replace(/\d+/g, 'N').replace(/[✓✗] N zombies?/g, 'N zombies'),
    );
  expect(words(lines.slice(start, start + size))).toEqual(words(found));
});

describe('every picture is what its source draws', () => {
  test.each(Object.entries(PICTURES))('%s', (name, draw) => {
    const file = join('docs', 'pictures', `${name}.svg`);
    expect(readFileSync(file, 'utf8')).toBe(renderPicture(draw()));
  });

  test('and is shown in a chapter, with a text for those who cannot see it', () => {
    const text = PAGES.flatMap(({ lines }) => lines).join('\n');
    for (const name of Object.keys(PICTURES)) {
      expect(text).toMatch(
        new RegExp(`!\\[[^\\]]{40,}\\]\\((docs/)?pictures/${name}\\.svg\\)`),
      );
    }
  });
});

test('every lab is named once, in the chapter that explains it', () => {
  const named = PAGES.flatMap(({ file, lines }) =>
    lines.flatMap((line) => {
      const lab = /^\*\*See it happen:\*\* \[`npm run lab (\S+)`\]/.exec(line);
      return lab ? [`${file}: ${lab[1]}`] : [];
    }),
  );
  const explained = Object.entries(LABS).map(
    ([name, { chapter }]) => `${chapter}: ${name}`,
  );
  expect(named.sort()).toEqual(explained.sort());
});

describe('what comes of a prediction is folded away', () => {
  test.each(PAGES)('$file', ({ lines }) => {
    const predictions = lines
      .join('\n')
      .matchAll(/^(\*\*Predict:.*)(?:\n.+)*\n\n(?:\*\*See it.*\n\n)?(.*)/gm);
    for (const [, prediction, next] of predictions)
      expect(next, prediction).toBe('<details>');
  });
});

describe('every command of npm is one of ours', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  test.each(PAGES)('$file', ({ lines }) => {
    const commands = lines.join('\n').matchAll(/\bnpm run ([a-z]\w*)/g);
    for (const [, name] of commands)
      expect(Object.keys(scripts)).toContain(name);
  });
});

describe('every link leads somewhere', () => {
  test.each(PAGES)('$file', ({ file, lines }) => {
    for (const target of linksOf(lines)) {
      const [path = '', anchor] = target.split('#');
      if (path.startsWith('../../actions/')) continue; // the code host's own
      const there = path === '' ? file : join(dirname(file), path);
      expect(existsSync(there), target).toBe(true);
      if (anchor) expect(anchorsOf(there), target).toContain(anchor);
    }
  });
});

/** Links to files of this repository, in the text or at its end. */
function linksOf(lines: string[]): string[] {
  const text = lines.join('\n').replace(/^```[\s\S]*?^```/gm, '');
  const links = text.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm);
  const targets = [...links].map((match) => match[1] ?? match[2] ?? '');
  return targets.filter((target) => !/^https?:/.test(target));
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(file: string): string[] {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
