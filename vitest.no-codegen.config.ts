import { defineConfig } from 'vitest/config';

/** The unit tests once more, without code made while they run: `npm run test:no-codegen`. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/integration/**', '**/node_modules/**'],
    setupFiles: ['test/without-codegen.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
