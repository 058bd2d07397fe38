import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // The tests wait for servers most of the time: one file more than cores.
    maxWorkers: 3,
    // Real processes on a machine of two cores that may be busy. Tests wait
    // for states, and this is the deadline of last resort.
    testTimeout: 60_000,
    hookTimeout: 30_000,
    reporters: [
      'default',
      ['json', { outputFile: 'build/tests.json' }],
      './tests/support/stage-table.ts',
    ],
  },
});
