/**
 * The experiments on the stages of the course: what each of them promises,
 * the wrong as well as the right, and what has been found.
 */
import { experiment, SYMPTOMS, type Symptom } from '../experiments';
import type { Finding } from '../experiments/findings';
import { STAGES, type Stage, targetOf } from '../harness/stages';
import { keeps, PROMISES } from './promises';

/** What an experiment has found in a stage. */
export interface StageFinding extends Finding {
  stage: Stage;
  symptom: Symptom;
  /** Whether it is what the stage promises; null: not to be had here. */
  asPromised: boolean | null;
}

/** So many at once: they wait for servers most of the time. */
const AT_ONCE = 6;

/**
 * Makes all experiments on some stages.
 *
 * @param tell called when one more is done
 */
export async function examineStages(
  stages: readonly Stage[],
  tell: (done: number, all: number) => void,
): Promise<StageFinding[]> {
  const all = SYMPTOMS.flatMap((symptom) =>
    stages.map((stage) => ({ symptom, stage })),
  );
  // A limit on processes counts all that a user has, and those that make the
  // experiment about it are of one user: one after the other.
  const waiting = all.filter(({ symptom }) => symptom !== 'processes');
  const alone = all.filter(({ symptom }) => symptom === 'processes');
  const findings: StageFinding[] = [];
  const work = async (queue: typeof all) => {
    for (;;) {
      const next = queue.shift();
      if (!next) return;
      findings.push(await examineStage(next.stage, next.symptom));
      tell(findings.length, all.length);
    }
  };
  await Promise.all([
    work(alone),
    ...Array.from({ length: AT_ONCE - 1 }, () => work(waiting)),
  ]);
  return findings;
}

async function examineStage(
  stage: Stage,
  symptom: Symptom,
): Promise<StageFinding> {
  const found = await experiment(symptom, targetOf(STAGES[stage]));
  const asPromised = keeps(found, PROMISES[symptom][stage]);
  const impossible = found.verdict === 'none' && !asPromised;
  return {
    ...found,
    stage,
    symptom,
    asPromised: impossible && 'reason' in found.measured ? null : asPromised,
  };
}
