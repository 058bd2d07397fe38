/**
 * Examines any server: the experiments of the test suite, on a command.
 *
 *     npm run examine -- node my-server.js {port}
 *     npm run examine -- python3 -m http.server {port}
 */
import { isIPv6 } from 'node:net';
import { readFlags, toggle, usageError } from '#shared/flags';
import { formatAddress } from '#shared/sockets';
import { printable } from '#shared/text';
import { someOf, takeFlags } from '../common/flags';
import { MARKS, paint } from '../common/marks';
import { showProgress } from '../common/progress';
import { Obstacle, run } from '../common/run';
import { listSome } from '../common/words';
import { type Finding, NOT_MEASURED } from '../experiments/findings';
import { experiment, SYMPTOMS, type Symptom } from '../experiments/index';
import { adoptOrphans } from '../harness/orphans';
import { strays, withCleanUp } from '../harness/programs';
import { startServer, type Target } from '../harness/servers';

const NAME = 'examine';
const EXAMPLE = 'npm run examine -- python3 -m http.server {port}';
const SUMMARY =
  'what goes wrong in a server, in the words of the kernel\n\n' +
  'npm run examine -- [FLAGS] COMMAND …     {port} in it becomes a free port\n\n' +
  `For example: ${EXAMPLE}`;

const FLAGS = {
  only: someOf('these experiments', SYMPTOMS),
  json: toggle('print the findings as JSON'),
};

async function main(): Promise<void> {
  const command = process.argv.slice(2);
  const own = takeFlags(command, '--only');
  const usage = { name: NAME, summary: SUMMARY };
  const { only, json } = readFlags(usage, FLAGS, own);
  if (command.length === 0) {
    usageError(NAME, `it takes the command of a server: ${EXAMPLE}`);
  }
  adoptOrphans();
  const target = { command };
  const opening = await describeListener(target);
  if (!json) console.log(`${opening}\n`);
  const findings: Partial<Record<Symptom, Finding>> = {};
  for (const symptom of only) {
    if (!json) showProgress(`  … ${symptom}`);
    findings[symptom] = await experiment(symptom, target);
    if (!json) {
      showProgress('');
      console.log(formatFinding(symptom, findings[symptom]));
    }
  }
  console.log(json ? JSON.stringify(findings, null, 2) : conclude(findings));
  if (strays.size > 0) console.error(`\n${describeStrays()}`);
}

/** What had left its session, as a daemon does, and would have stayed. */
function describeStrays(): string {
  const names = [...strays].map(([pid, name]) => `${pid} (${printable(name)})`);
  return `It left processes behind, which have been ended: ${listSome(names)}`;
}

/** @throws Obstacle if the command is no server's */
function describeListener(target: Target): Promise<string> {
  return withCleanUp(async (defer) => {
    const server = await startServer(target, defer).catch((error: Error) => {
      throw new Obstacle(printable(error.message) + adviceFor(target));
    });
    const { pid, listener, host, port } = server;
    const address = isIPv6(host) ? `[${host}]` : host;
    const where = formatAddress({ address, port });
    const name = target.command.join(' ');
    return `${name}: descriptor ${listener.fd} of PID ${pid} listens on ${where}`;
  });
}

function adviceFor({ command }: Target): string {
  if (command.some((word) => word.includes('{port}'))) return '';
  return `\nWas {port} forgotten? An example: ${EXAMPLE}`;
}

const NAME_WIDTH = Math.max(...SYMPTOMS.map((symptom) => symptom.length)) + 2;

function formatFinding(symptom: Symptom, finding: Finding): string {
  const { verdict, figure, evidence } = finding;
  const head = `${MARKS[verdict]} ${symptom.padEnd(NAME_WIDTH)}${figure}`;
  const lines = evidence.map((line) => `    ${printable(line)}`);
  return [paint(verdict, head), ...lines].join('\n');
}

function conclude(findings: Partial<Record<Symptom, Finding>>): string {
  const looked = SYMPTOMS.filter((name) => findings[name]);
  const bad = looked.filter((name) => findings[name]?.verdict === 'bad');
  const missing = looked.filter(
    (name) => findings[name]?.figure === NOT_MEASURED,
  );
  const result =
    bad.length === 0
      ? 'Nothing is wrong with it that we look for.'
      : `${bad.length} of ${looked.length} go wrong: ${bad.join(', ')}.`;
  if (missing.length === 0) return `\n${result}`;
  return `\n${result} Not measured: ${missing.join(', ')}.`;
}

run(NAME, main);
