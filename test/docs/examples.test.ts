/** Examples in doc comments and in the README's pages compile and run as they stand. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import * as millrace from 'millrace';
import * as operators from 'millrace/operators';
import * as testing from 'millrace/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { planOf } from '../../src/core/plan.ts';
import { paramValues } from '../../src/runtime/params.ts';
import * as fixtures from './fixtures.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const OUT = join(import.meta.dirname, '.generated');

interface Example {
  /** Where it stands, for the test's name. */
  readonly at: string;
  readonly file: string;
  readonly code: string;
}

/** What an example may use without importing it. */
const NAMES: readonly (readonly [from: string, names: readonly string[]])[] = [
  ['millrace', Object.keys(millrace)],
  ['millrace/operators', Object.keys(operators)],
  ['millrace/testing', Object.keys(testing)],
  ['../fixtures.ts', Object.keys(fixtures)],
  ['arktype', ['type']],
  ['zod', ['z']],
  ['rxjs', ['concatMap', 'take', 'from', 'firstValueFrom', 'lastValueFrom', 'toArray']],
];

function files(): string[] {
  const sources = ['src', 'operators'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(ROOT, folder, name)),
  );
  return sources.filter((path) => path.endsWith('.ts') && statSync(path).isFile());
}

/** Pages whose blocks of `ts` compile; a block of `ts PATH` is quoted from that file. */
const PAGES = ['README.md', 'pipelines/orders/README.md', 'pipelines/card-transactions/README.md', 'docs/producer.md'];

function pageExamples(): Example[] {
  return PAGES.flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match, i) => ({
      at: `${page}, example ${i + 1}`,
      file: `${page.replaceAll(/[/\\.]/g, '-')}-${i + 1}.ts`,
      code: match[1],
    })),
  );
}

function examples(): Example[] {
  return files().flatMap((path) => {
    const text = readFileSync(path, 'utf8');
    const name = relative(ROOT, path);
    return [...text.matchAll(/ \* ```ts\n([\s\S]*?) \* ```/g)].map((match, i) => ({
      at: `${name}, example ${i + 1}`,
      file: `${name.replaceAll(/[/\\.]/g, '-')}-${i + 1}.ts`,
      code: match[1].replaceAll(/^ \* ?/gm, ''),
    }));
  });
}

/** Imports for the names that the code uses and does not declare. */
function withImports(code: string): string {
  const isDeclared = (name: string) =>
    new RegExp(`(const|function|class|let) ${name}\\b|import .*\\b${name}\\b`).test(code);
  const isUsed = (name: string) => new RegExp(`(?<![.\\w])${name}\\b(?!:)`).test(code);
  const taken = new Set<string>();
  const imports = NAMES.flatMap(([from, names]) => {
    const needed = names.filter((name) => !taken.has(name) && isUsed(name) && !isDeclared(name));
    for (const name of needed) taken.add(name);
    return needed.length === 0 ? [] : [`import { ${needed.join(', ')} } from '${from}';`];
  });
  return `${imports.join('\n')}\n\n${code}\nexport {};\n`;
}

/** What the example says it prints: `console.log(…); // value`. */
function promises(code: string): unknown[] {
  const comments = [...code.matchAll(/console\.log\(.*\); \/\/ (.+)$/gm)];
  // oxlint-disable-next-line typescript/no-implied-eval -- the values stand in pages of our own
  return comments.map(([, value]) => new Function(`return (${value});`)() as unknown);
}

describe('the examples in doc comments', () => {
  const all = examples();

  beforeAll(() => {
    rmSync(OUT, { recursive: true, force: true });
    mkdirSync(OUT, { recursive: true });
    for (const { file, code } of [...all, ...pageExamples()]) writeFileSync(join(OUT, file), withImports(code));
    const config = { extends: '../../../tsconfig.json', compilerOptions: { noUnusedLocals: false }, include: ['*.ts'] };
    writeFileSync(join(OUT, 'tsconfig.json'), JSON.stringify(config));
  });

  it('are there', () => {
    expect(all.length).toBeGreaterThan(15);
  });

  it('compile', () => {
    let output = '';
    try {
      execFileSync('npx', ['tsc', '--pretty', 'false', '-p', OUT], { encoding: 'utf8', cwd: ROOT });
    } catch (thrown) {
      output = (thrown as { stdout: string }).stdout;
    }
    expect(output).toBe('');
  }, 60_000);

  it.each(all)('run: $at', async ({ file }) => {
    const loaded = (await import(/* @vite-ignore */ join(OUT, file))) as { default?: millrace.Pipeline };
    if (loaded.default === undefined) return;
    expect(planOf(loaded.default.build(paramValues(loaded.default))).nodes.length).toBeGreaterThan(1);
  });

  it.each(pageExamples().filter(({ code }) => code.includes('new TestDriver(')))(
    'print what they say: $at',
    async ({ file, code }) => {
      const log = vi.spyOn(console, 'log').mockImplementation(() => {});
      try {
        await import(/* @vite-ignore */ join(OUT, file));
        expect(log.mock.calls.map(([value]) => value as unknown)).toEqual(promises(code));
      } finally {
        log.mockRestore();
      }
    },
  );
});

describe('the pages', () => {
  it('quote files as they are', () => {
    const quotes = PAGES.flatMap((page) => [
      ...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gm),
    ]);
    expect(quotes.length).toBeGreaterThan(0);
    for (const [, path, quoted] of quotes) expect(readFileSync(join(ROOT, path), 'utf8')).toContain(quoted);
  });

  it.each(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'DECISIONS.md', 'ARCHITECTURE.md', ...PAGES.slice(1)])(
    'link to what is there: %s',
    (page) => {
      const links = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)];
      const missing = links.map(([, link]) => link).filter((link) => !existsSync(resolve(ROOT, page, '..', link)));
      expect(missing).toEqual([]);
    },
  );
});
