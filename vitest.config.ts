import { defineConfig } from 'vitest/config';
import { PATIENCE } from './vitest.patience.ts';

const INTEGRATION = 'test/integration/**/*.test.ts';

/** Where `.ci/run` wants the true numbers of the run; people see the default report only. */
const RESULTS = process.env.MILLRACE_TEST_RESULTS;

export default defineConfig({
  test: {
    reporters: RESULTS === undefined ? ['default'] : ['default', ['json', { outputFile: RESULTS }]],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [INTEGRATION, '**/node_modules/**'],
          ...PATIENCE,
        },
      },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: 'test/integration/kafka-setup.ts',
          // Each file starts and stops servers, and times them: one file at a time.
          fileParallelism: false,
          ...PATIENCE,
        },
      },
    ],
  },
});
