/**
 * What the figures were measured on.
 */
import { cpus, release, totalmem } from 'node:os';
import { versionOf } from './servers';

export type Machine = ReturnType<typeof describeMachine>;

export function describeMachine() {
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() || process.arch,
    /** In GiB. */
    memory: Math.round(totalmem() / 2 ** 30),
    versions: [
      `Linux ${release()}`,
      `Node ${process.versions.node}`,
      ...['cc', 'python3'].flatMap(nameAndVersion),
    ],
  };
}

/** `cc 12.2.0`: of what the tool says about itself, its name and the end. */
function nameAndVersion(command: string): string[] {
  const [version] = versionOf(command)?.match(/\d+(\.\d+)+$/) ?? [];
  return version === undefined ? [] : [`${command} ${version}`];
}
