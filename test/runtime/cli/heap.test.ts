import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';

it("names an option that this Node's V8 has: another one would be passed over in silence", () => {
  expect(execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })).toContain('--heap-growing-percent');
});
