import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Real processes on a machine of two cores that may be busy. Tests wait
    // for states, and this is the deadline of last resort.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 30_000,
    reporters: [
      'default',
      ['json', { outputFile: 'build/tests.json' }],
      './tests/support/stage-table.ts',
    ],
  },
});
