/**
 * The rules of the house: who may import whom.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const ROOMS = /^(part\d-\w+|shared|tools|tests|docs\/exercises)\//;
const FILES = readdirSync('.', { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && ROOMS.test(file),
);

/** What each file imports: files of ours by path, packages by name. */
const IMPORTS = new Map(FILES.map((file) => [file, importsOf(file)]));

function importsOf(file: string): string[] {
  const source = readFileSync(file, 'utf8');
  const found = source.matchAll(/(?:^import |\bfrom |\bimport\()'([^']+)'/gm);
  return [...found].map(([, name = '']) => {
    if (name.startsWith('#')) return `${name.slice(1)}.ts`;
    if (!name.startsWith('.')) return name;
    const path = normalize(join(dirname(file), name));
    return FILES.includes(`${path}.ts`) ? `${path}.ts` : `${path}/index.ts`;
  });
}

/** `from → to` for each import out of some files that is not allowed. */
function wrong(from: RegExp, allowed: (to: string, file: string) => boolean) {
  return [...IMPORTS].flatMap(([file, all]) =>
    from.test(file)
      ? all.filter((to) => !allowed(to, file)).map((to) => `${file} → ${to}`)
      : [],
  );
}

const isPackage = (name: string) => !name.endsWith('.ts');
const roomOf = (file: string) => file.split('/').slice(0, 2).join('/');

test('a stage, a step and a solution see shared/ alone', () => {
  const servers = /^(part|docs\/exercises)/;
  const allowed = (to: string) => to.startsWith('shared/') || to === 'node:fs';
  expect(wrong(servers, allowed)).toEqual([]);
});

test('shared/ never sees tools/', () => {
  const allowed = (to: string) => isPackage(to) || to.startsWith('shared/');
  expect(wrong(/^shared\//, allowed)).toEqual([]);
});

test('shared/node/ is below all else', () => {
  const allowed = (to: string) => isPackage(to) || /^shared\/node\//.test(to);
  expect(wrong(/^shared\/node\//, allowed)).toEqual([]);
});

test('what is for speed alone is taken away where it is called', () => {
  const others = /^(?!shared\/(forking|node\/speed\/))/;
  const allowed = (to: string) => !to.startsWith('shared/node/speed/');
  expect(wrong(others, allowed)).toEqual([]);
});

test('HTTP is made of pure functions', () => {
  const pure = /^shared\/(http|body)\.ts$/;
  expect(wrong(pure, (to) => pure.test(to))).toEqual([]);
});

test('only shared/node/ sees koffi and the knobs of V8', () => {
  const outside = /^(part|docs|shared\/\w+\.ts|tools)/;
  const allowed = (to: string, file: string) =>
    !/^(koffi|node:v8)$/.test(to) || file === 'tools/stress/main.ts';
  expect(wrong(outside, allowed)).toEqual([]);
});

test('a command sees what all commands share, never another command', () => {
  const common = ['kernel', 'model', 'harness', 'experiments', 'common'];
  const allowed = (to: string, file: string) =>
    isPackage(to) ||
    to.startsWith('shared/') ||
    roomOf(to) === roomOf(file) ||
    common.includes(to.split('/')[1] ?? '');
  expect(wrong(/^tools\//, allowed)).toEqual([]);
});

test('no room below sees one above', () => {
  const order = ['common', 'kernel', 'model', 'harness', 'experiments'];
  const levelOf = (file: string) => order.indexOf(file.split('/')[1] ?? '');
  const allowed = (to: string, file: string) =>
    !to.startsWith('tools/') || levelOf(to) <= levelOf(file);
  const below = /^tools\/(common|kernel|model|harness|experiments)\//;
  expect(wrong(below, allowed)).toEqual([]);
});

/** All that is reached from some files, themselves included. */
function reach(from: string[], seen = new Set<string>()): Set<string> {
  for (const file of from) {
    if (seen.has(file)) continue;
    seen.add(file);
    reach(
      (IMPORTS.get(file) ?? []).filter((to) => !isPackage(to)),
      seen,
    );
  }
  return seen;
}

test('everything in shared/ is reached from a stage', () => {
  const reached = reach(FILES.filter((file) => file.startsWith('part')));
  const unused = FILES.filter((file) => file.startsWith('shared/'));
  expect(unused.filter((file) => !reached.has(file))).toEqual([]);
});

test('part 1 loads nothing that prepares forks', () => {
  const reached = [...reach(['part1-iterative/server.ts'])];
  const forking =
    /node\/(warm-up|heap|restart)|forking|accepting|overload|stopping/;
  expect(reached.filter((file) => forking.test(file))).toEqual([]);
});

test('no circles', () => {
  const circles = FILES.filter((file) =>
    reach((IMPORTS.get(file) ?? []).filter((to) => !isPackage(to))).has(file),
  );
  expect(circles).toEqual([]);
});
