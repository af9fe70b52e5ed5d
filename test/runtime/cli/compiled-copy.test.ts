import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Options {
  readonly home: string;
  readonly entries: readonly string[];
  readonly external: readonly string[];
  readonly folder: string;
}

const MODULE = pathToFileURL(resolve(import.meta.dirname, '../../../bin/compiled-copy.js')).href;
const { compiledCopy } = (await import(/* @vite-ignore */ MODULE)) as {
  compiledCopy(options: Options): Promise<Record<string, string> | undefined>;
};

const LONG_AGO = new Date('2024-02-29T12:00:00Z');
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'millrace-copy-'));
  mkdirSync(join(home, 'src'));
  write('package.json', '{}');
  write('src/word.ts', `export const word: string = 'one';`);
  write('src/a.ts', `import { word } from './word.ts'; export enum E { A = 7 } export const a = word;`);
  write('src/b.ts', `export { word as b } from './word.ts'; export const later = () => import('./a.ts');`);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** As it is on a disk where nobody has just edited it. */
function write(path: string, text: string, time = LONG_AGO): void {
  writeFileSync(join(home, path), text);
  utimesSync(join(home, path), time, time);
}

function options(): Options {
  return { home, entries: ['src/a.ts', './src/b.ts'], external: [], folder: join(home, 'cache') };
}

async function compile(): Promise<{ a: string; b: string }> {
  const copy = (await compiledCopy(options()))!;
  const url = (path: string): string => copy[pathToFileURL(join(home, path)).href];
  return { a: url('src/a.ts'), b: url('src/b.ts') };
}

const load = (url: string): Promise<Record<string, unknown>> => import(/* @vite-ignore */ url);
const copies = (): string[] => readdirSync(join(home, 'cache')).filter((name) => name.startsWith('copy-'));

describe('a compiled copy', () => {
  it('gives each source its JavaScript, with one instance of what they share', async () => {
    const { a, b } = await compile();
    const loaded = await load(a);
    expect(loaded).toMatchObject({ a: 'one', E: { A: 7 } });
    const { later } = (await load(b)) as { later(): Promise<unknown> };
    expect(((await later()) as { E: unknown }).E).toBe(loaded.E);
  });

  it('is kept while nothing changes', async () => {
    const first = await compile();
    expect(await compile()).toEqual(first);
    expect(copies()).toHaveLength(1);
  });

  it('is made anew when a file behind an entry has changed, though not in its length', async () => {
    const before = await compile();
    write('src/word.ts', `export const word: string = 'two';`, new Date('2024-02-29T12:00:01Z'));
    const after = await compile();
    expect(await load(after.a)).toMatchObject({ a: 'two' });
    expect(await load(before.a)).toMatchObject({ a: 'one' });
  });

  it('is made anew when the package has changed, or the copy is gone', async () => {
    const first = await compile();
    write('package.json', '{"version":"2.0.0"}');
    const second = await compile();
    expect(second).not.toEqual(first);
    for (const name of copies()) rmSync(join(home, 'cache', name), { recursive: true });
    const third = await compile();
    expect(await load(third.a)).toMatchObject({ a: 'one' });
  });

  it('is made anew when one of its files was cut short', async () => {
    const first = await compile();
    writeFileSync(new URL(first.a), '');
    const second = await compile();
    expect(await load(second.a)).toMatchObject({ a: 'one' });
    expect(await compile()).toEqual(second);
  });

  it('is made anew for a package that differs in neither time nor size', async () => {
    write('package.json', '{"version":"1.0.0"}');
    const first = await compile();
    write('package.json', '{"version":"1.0.1"}');
    expect(await compile()).not.toEqual(first);
  });

  it('may be read by whoever may read what else its user makes', async () => {
    await compile();
    const [copy] = copies();
    expect(statSync(join(home, 'cache', copy)).mode & 0o777).toBe(0o777 & ~process.umask());
  });

  it('serves one start only when a source may have changed while it was read', async () => {
    write('src/word.ts', `export const word = 'new';`, new Date(Date.now() + 60_000));
    const first = await compile();
    expect(await load(first.a)).toMatchObject({ a: 'new' });
    expect(await compile()).not.toEqual(first);
  });

  it('may be made by several starts at once', async () => {
    const program = `
      const { compiledCopy } = await import(${JSON.stringify(MODULE)});
      const copy = await compiledCopy(${JSON.stringify(options())});
      const [a] = Object.values(copy);
      console.log((await import(a)).a);`;
    const start = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    const outputs = await Promise.all(Array.from({ length: 4 }, start));
    expect(outputs.map(({ stdout }) => stdout)).toEqual(Array(4).fill('one\n'));
    const kept = await compile();
    expect(await compile()).toEqual(kept);
  });

  it('is not there where its folder cannot be written', async () => {
    writeFileSync(join(home, 'cache'), 'a file');
    expect(await compiledCopy(options())).toBeUndefined();
  });

  it('is not there when a source does not compile, and leaves nothing behind', async () => {
    write('src/word.ts', `export const word = ;`);
    expect(await compiledCopy(options())).toBeUndefined();
    expect(copies()).toEqual([]);
  });

  it('is removed when it is old and a new one is made', async () => {
    const old = join(home, 'cache/copy-old');
    mkdirSync(old, { recursive: true });
    utimesSync(old, LONG_AGO, LONG_AGO);
    mkdirSync(join(home, 'cache/copy-young'));
    await compile();
    expect(existsSync(old)).toBe(false);
    expect(copies()).toHaveLength(2);
  });
});
