/**
 * The experiments of the course, one command each.
 *
 *     npm run lab                 lists them
 *     npm run lab hang            runs one, after asking for a prediction
 *     npm run lab hang -- --yes   runs it without asking
 *     npm run lab -- --record     records all of them for the site
 */
import { writeFileSync } from 'node:fs';
import chalk from 'chalk';
import { readFlags, toggle, usageError } from '#shared/flags';
import { askForPrediction } from '../common/prediction';
import { run } from '../common/run';
import { count, wrap } from '../common/words';
import { withCleanUp } from '../harness/programs';
import { NoServer } from '../harness/servers';
import { type ChapterLab, LABS } from './labs';
import { Notebook } from './notebook';
import { findMissingDescriptors, format, Recorder } from './recorder';

const USAGE = {
  name: 'lab',
  summary: 'the experiments of the course: npm run lab NAME [-- --yes]',
};
const FLAGS = {
  yes: toggle('do not ask for a prediction'),
  record: toggle('write docs/replays/NAME.json; without NAME, of all labs'),
};

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const names = args.filter((arg) => !arg.startsWith('-'));
  const flags = args.filter((arg) => arg.startsWith('-'));
  const { yes, record } = readFlags(USAGE, FLAGS, flags);
  const [name, ...more] = names;
  if (name === undefined) {
    if (record) await recordLabs(LABS);
    else listLabs();
    return;
  }
  const lab = Object.hasOwn(LABS, name) ? LABS[name] : undefined;
  if (!lab || more.length > 0) {
    usageError(
      'lab',
      `there is no "${names.join(' ')}"; npm run lab lists all`,
    );
  }
  if (record) return recordLabs({ [name]: lab });
  // npm keeps a --yes that is not behind -- to itself.
  const hasty = yes || process.env.npm_config_yes === 'true';
  process.exitCode = (await runLab(name, lab, hasty)) ? 0 : 1;
}

function listLabs(): void {
  const width = Math.max(...Object.keys(LABS).map((name) => name.length));
  let chapter = '';
  for (const [name, lab] of Object.entries(LABS)) {
    if (lab.chapter !== chapter) console.log(`\n${chalk.dim(lab.chapter)}`);
    chapter = lab.chapter;
    console.log(`  ${chalk.bold(name.padEnd(width))}  ${lab.summary}`);
  }
  console.log('\nnpm run lab NAME runs one.');
}

/** @returns whether all that was expected has been seen */
async function runLab(name: string, lab: ChapterLab, hasty: boolean) {
  console.log(`${chalk.inverse.bold(` ${name} `)}  ${lab.summary}\n`);
  console.log(paragraph(lab.plan));
  console.log(`\n${chalk.cyan(paragraph(lab.question))}`);
  const prediction = hasty ? '' : await askForPrediction();

  const failures = await withCleanUp((defer) =>
    perform(lab, new Notebook(defer)),
  );
  return conclude(lab, failures, prediction);
}

async function recordLabs(labs: Record<string, ChapterLab>): Promise<void> {
  const missing = await findMissingDescriptors();
  for (const [name, lab] of Object.entries(labs)) {
    const recorder = new Recorder(missing);
    const [failures, replay] = await withCleanUp(async (defer) => [
      await perform(lab, new Notebook(defer, recorder)),
      await recorder.finish(lab),
    ]);
    const file = `docs/replays/${name}.json`;
    if (failures === 0) {
      writeFileSync(file, format(replay));
      console.log(file);
    } else {
      const what = `${count(failures, 'expectation')} did not hold`;
      console.error(`lab: ${file}: left alone, since ${what}`);
      process.exitCode = 1;
    }
  }
}

/** @returns how many expectations did not hold */
async function perform(lab: ChapterLab, notebook: Notebook): Promise<number> {
  try {
    await lab.run(notebook);
  } catch (error) {
    if (!(error instanceof NoServer)) throw error;
    notebook.expect(`the server starts: ${error.message}`, false);
  }
  return notebook.contradictions;
}

function conclude(
  lab: ChapterLab,
  failures: number,
  prediction: string,
): boolean {
  if (prediction) console.log(`\nYour prediction was: ${prediction}`);
  console.log('');
  if (failures > 0) {
    const what = `${count(failures, 'expectation')} did not hold`;
    const text = `${what} on this machine. What should have been seen:`;
    console.log(chalk.yellow(text));
  }
  console.log(paragraph(lab.conclusion));
  console.log(chalk.dim(`\nMore about it: ${lab.chapter}`));
  return failures === 0;
}

const WIDTH = 78;

function paragraph(text: string): string {
  return wrap(text, WIDTH).join('\n');
}

run(USAGE.name, main);
