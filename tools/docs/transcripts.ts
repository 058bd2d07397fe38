/**
 * Writes into the pages what machines know best: transcripts, by running their
 * commands; the differences between stages; and into README.md the table that
 * `npm test` has made.
 *
 *     npm run transcripts                 all chapters, and README.md
 *     npm run transcripts -- forking      those whose names contain this
 *
 * Look at what has changed before you commit it.
 */
import { writeFileSync } from 'node:fs';
import { run } from '../common/run';
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

async function main(part = ''): Promise<void> {
  for (const chapter of readChapters()) {
    if (!chapter.file.includes(part)) continue;
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
  if (README.includes(part)) updateTable();
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

run('transcripts', () => main(process.argv[2]));
