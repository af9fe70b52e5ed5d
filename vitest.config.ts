import { defineConfig } from 'vitest/config';

const INTEGRATION = 'test/integration/**/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: [INTEGRATION, '**/node_modules/**'] } },
      {
        test: {
          name: 'integration',
          include: [INTEGRATION],
          globalSetup: 'test/integration/kafka-setup.ts',
          // Each file starts and stops servers, and times them: one file at a time.
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
