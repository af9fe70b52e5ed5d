import { defineConfig } from 'vitest/config';
import { PATIENCE } from './vitest.patience.ts';

/** The unit tests once more, without code made while they run: `npm run test:no-codegen`. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/integration/**', '**/node_modules/**'],
    setupFiles: ['test/without-codegen.ts'],
    ...PATIENCE,
  },
});
