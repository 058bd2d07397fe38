import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applyPatch,
  patchBetween,
  type Replay,
  unfold,
  type Value,
} from '../../tools/model/replay';

/** JSON without null, with names that meet and values that are alike. */
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Value>(0, 1, '', 'S', true, false),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('4711', 'a', '__proto__'), tie('value')),
  ),
}));

test('a patch makes one value of another, and no patch means no change', () => {
  fc.assert(
    fc.property(value, value, (before, after) => {
      const patch = patchBetween(before, after);
      if (patch === null) expect(before).toEqual(after);
      else expect(applyPatch(before, patch)).toEqual(after);
      expect(patchBetween(after, after)).toBeNull();
    }),
  );
});

test('each moment of a replay has its whole picture', () => {
  const replay: Replay = {
    summary: '',
    chapter: '',
    plan: '',
    question: '',
    conclusion: '',
    steps: [
      {
        words: '',
        moments: [{ notes: [] }, { frame: { port: 1, server: 2 }, notes: [] }],
      },
      { words: 'nothing happens', moments: [{ notes: [{ show: 'a' }] }] },
      { words: 'it ends', moments: [{ frame: { server: null }, notes: [] }] },
    ],
  };
  expect(unfold(replay)).toMatchObject([
    { step: 0, frame: null },
    { step: 0, frame: { port: 1, server: 2 } },
    { step: 1, frame: { port: 1, server: 2 }, notes: [{ show: 'a' }] },
    { step: 2, frame: { port: 1 } },
  ]);
  expect(unfold(replay).at(-1)?.frame).not.toHaveProperty('server');
});
