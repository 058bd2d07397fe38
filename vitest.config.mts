import { defineConfig } from 'vitest/config';

const conditions = ['source', 'node', 'module', 'import', 'default'];

export default defineConfig({
  // #shared/* is the source, see package.json.
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Compiles the servers.
    globalSetup: ['./tests/support/setup.ts'],
    setupFiles: ['./tests/support/orphans.ts'],
    include: ['tests/**/*.test.ts'],
    // What is tested are other processes. A new worker for each file would
    // only read the same modules again.
    isolate: false,
    // The tests wait for servers most of the time, so more files than cores:
    // with six, two cores are busy. A CI machine may have less than its two.
    maxWorkers: process.env.CI ? 4 : 6,
    // Real processes on a machine of two cores that may be busy. Tests wait
    // for states, and this is the deadline of last resort.
    testTimeout: 240_000,
    hookTimeout: 60_000,
    reporters: ['default', ['json', { outputFile: 'build/tests.json' }]],
  },
});
