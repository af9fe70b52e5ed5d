import { defineConfig } from 'vitest/config';

const INTEGRATION = 'test/integration/**/*.test.ts';

/** Where `.ci/run` wants the true numbers of the run; people see the default report only. */
const RESULTS = process.env.MILLRACE_TEST_RESULTS;

/** What a test waits for is there soon, or on a busy machine later. */
const POLLING = { poll: { timeout: 20_000 } };

export default defineConfig({
  test: {
    reporters: RESULTS === undefined ? ['default'] : ['default', ['json', { outputFile: RESULTS }]],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [INTEGRATION, '**/node_modules/**'],
          // Properties are many cases: how long they take is the machine's affair, and no verdict on them.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: POLLING,
        },
      },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: 'test/integration/kafka-setup.ts',
          // Each file starts and stops servers, and times them: one file at a time.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: POLLING,
        },
      },
    ],
  },
});
