/**
 * Which descriptors lead to one and the same open file description: the
 * middle of the picture between the tables of the processes and their files.
 */
import {
  type Comparison,
  compareDescriptors,
  type Holder,
} from '../kernel/descriptors';

/**
 * An open file description, see open(2), NOTES, and the descriptors that lead
 * to it: as many references as we can see. It is closed when the last is gone.
 */
export interface Description {
  /** As /proc/PID/fd shows it: a path, `socket:[33058]`, `pipe:[33057]`. */
  target: string;
  references: Holder[];
  /**
   * How we know that these are one, and that others are another: kcmp(2) has
   * said so; or it is a socket, and one inode of a socket has one description;
   * or there was `nothing` to compare. `unknown`: kcmp is forbidden, and some
   * with this target may be the same.
   */
  evidence: 'kcmp' | 'inode' | 'nothing' | 'unknown';
}

/** The descriptors of a process; null if it may not be looked at. */
export type Table = readonly [pid: number, Map<number, string> | null];

/** After so many comparisons, of 2 µs each, no further table is looked into. */
const COMPARISONS = 5_000;
/** And only so many tables: more are no picture. */
const TABLES = 60;

/**
 * The open file descriptions behind the tables of a server's family.
 *
 * @param holders who else holds the sockets among them, by inode
 * @param compare asks kcmp(2)
 */
export function findDescriptions(
  tables: Table[],
  holders: Map<number, Holder[]>,
  compare = compareDescriptors,
): Description[] {
  const found = new Map<string, Description[]>();
  let comparisons = 0;
  const compareAndCount = (a: Holder, b: Holder) => {
    comparisons += 1;
    return compare(a, b);
  };
  const family = new Set<number>();
  for (const [pid, table] of tables) {
    if (!table?.size) continue;
    if (family.size === TABLES || comparisons > COMPARISONS) break;
    family.add(pid);
    for (const [fd, target] of table)
      add(found, target, { pid, fd }, compareAndCount);
  }
  for (const target of found.keys()) {
    const inode = Number(/^socket:\[(\d+)\]$/.exec(target)?.[1]);
    const others = (holders.get(inode) ?? []).filter(
      (one) => !family.has(one.pid),
    );
    for (const other of others) add(found, target, other, compareAndCount);
  }
  return [...found.values()].flat();
}

function add(
  found: Map<string, Description[]>,
  target: string,
  one: Holder,
  compare: (a: Holder, b: Holder) => Comparison | null,
): void {
  const known = found.get(target) ?? [];
  found.set(target, known);
  // What a child has inherited has the same number there, in all likelihood.
  const hasNumber = ({ references }: Description) =>
    references.some(({ fd }) => fd === one.fd);
  const likely = known.filter(hasNumber);
  const order = [
    ...likely,
    ...known.filter((other) => !likely.includes(other)),
  ];
  let evidence: Description['evidence'] = known.length > 0 ? 'kcmp' : 'nothing';
  for (const description of order) {
    const [first] = description.references;
    const answer = first ? compare(first, one) : null;
    const same = answer?.same ?? target.startsWith('socket:');
    if (same) {
      description.references.push(one);
      description.evidence = weaker(
        description.evidence,
        answer?.evidence ?? 'inode',
      );
      return;
    }
    const told = answer ? 'kcmp' : 'unknown';
    description.evidence = weaker(description.evidence, told);
    evidence = weaker(evidence, told);
  }
  known.push({ target, references: [one], evidence });
}

const BY_STRENGTH = ['nothing', 'kcmp', 'inode', 'unknown'] as const;

/** What two pieces of evidence come to: no more than the weaker of them. */
function weaker(
  a: Description['evidence'],
  b: Description['evidence'],
): Description['evidence'] {
  return BY_STRENGTH.indexOf(a) > BY_STRENGTH.indexOf(b) ? a : b;
}
