/** What must not compile, and in which words the compiler says so. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const FOLDER = join(import.meta.dirname, 'errors');

interface Expected {
  readonly file: string;
  /** The line behind the comment. */
  readonly line: number;
  readonly words: string;
}

function expectations(): Expected[] {
  return readdirSync(FOLDER).flatMap((file) =>
    readFileSync(join(FOLDER, file), 'utf8')
      .split('\n')
      .flatMap((text, i) => {
        const words = /^\s*\/\/ expect: (.+)$/.exec(text)?.[1];
        return words === undefined ? [] : [{ file, line: i + 2, words }];
      }),
  );
}

/** Errors of the compiler by `file:line`, the lines of detail below each included. */
function compile(): Map<string, string> {
  let output: string;
  try {
    execFileSync('npx', ['tsc', '--pretty', 'false', '-p', join(import.meta.dirname, 'tsconfig.json')], {
      encoding: 'utf8',
    });
    output = '';
  } catch (thrown) {
    output = (thrown as { stdout: string }).stdout;
  }
  const errors = new Map<string, string>();
  let current = '';
  for (const line of output.split('\n')) {
    const at = /([^/\\]+\.ts)\((\d+),\d+\): error/.exec(line);
    if (at !== null) current = `${at[1]}:${at[2]}`;
    if (current !== '') errors.set(current, `${errors.get(current) ?? ''}${line}\n`);
  }
  return errors;
}

describe('what must not compile', () => {
  let errors: Map<string, string>;
  beforeAll(() => {
    errors = compile();
  }, 60_000);

  it.each(expectations())('says "$words" in $file', ({ file, line, words }) => {
    expect(errors.get(`${file}:${line}`)).toContain(words);
  });

  it('is refused nowhere else', () => {
    const expected = new Set(expectations().map(({ file, line }) => `${file}:${line}`));
    expect([...errors.keys()].filter((at) => !expected.has(at))).toEqual([]);
  });
});
