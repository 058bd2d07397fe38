/**
 * Writes into the pages what machines know best: transcripts, by running their
 * commands; the differences between stages; and into README.md the table that
 * `npm test` has made.
 *
 *     npm run transcripts                     all chapters, and README.md
 *     npm run transcripts -- --page forking   those whose names contain this
 *
 * Look at what has changed before you commit it.
 */
import { writeFileSync } from 'node:fs';
import { readFlags } from '#shared/flags';
import { word } from '../common/flags';
import { Obstacle, run } from '../common/run';
import {
  type Fence,
  readChapter,
  readChapters,
  replaceFences,
} from './chapters';
import { differenceOf } from './differences';
import { findStageTable, stageTable } from './stage-table';
import { perform } from './transcripts/perform';
import { findSittings } from './transcripts/sitting';

// Of four digits, like 8888, and not the same one twice: the connections of
// the sitting before are still in TIME_WAIT.
let port = 8900 + (process.pid % 900);

const USAGE = { name: 'transcripts', summary: 'runs what the pages show' };
const { page } = readFlags(USAGE, {
  page: word('NAME', 'only of pages with this in their name', 'a word', ''),
});

async function main(): Promise<void> {
  const chapters = readChapters().filter(({ file }) => file.includes(page));
  const table = README.includes(page);
  if (chapters.length === 0 && !table) {
    throw new Obstacle(`no page has ${page} in its name`);
  }
  for (const chapter of chapters) {
    const contents = new Map<Fence, string[]>();
    for (const fence of chapter.fences) {
      const [kind, before, after] = fence.info.split(' ');
      if (kind !== 'diff' || !before || !after) continue;
      contents.set(fence, differenceOf(before, after));
    }
    for (const sitting of findSittings(chapter)) {
      console.log(sitting.title);
      const outcome = await perform(sitting, port++, false);
      for (const [fence, lines] of outcome) contents.set(fence, lines);
    }
    writeFileSync(chapter.file, replaceFences(chapter, contents));
  }
  if (table) updateTable();
}

const README = 'README.md';

function updateTable(): void {
  const table = stageTable();
  if (!table) {
    console.log(`${README}: left alone, since npm test has not been run`);
    return;
  }
  const { lines } = readChapter(README);
  const [start, size] = findStageTable(lines);
  writeFileSync(README, lines.toSpliced(start, size, ...table).join('\n'));
  console.log(`${README}: the table of stages`);
}

run(USAGE.name, main);
