import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { JsonScanner } from '../../src/json/json-scanner.ts';
import { shapeOf } from '../../src/json/shape.ts';
import { CAN_COMPILE } from './can-compile.ts';

const SEED = { seed: 7, numRuns: 1_000 };

/** What the scanner reads of documents in one batch, `undefined` where it leaves one to JSON.parse. */
function scan(scanner: JsonScanner, documents: readonly (string | Buffer)[]): (object | undefined)[] {
  const builder = new RecordBatchBuilder('t', 0);
  for (const document of documents) builder.add('key', document, 0);
  const batch = builder.finish();
  scanner.begin(batch);
  return documents.map((_, row) => scanner.read(row));
}

function parsed(document: string | Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(document)));
  } catch {
    return undefined;
  }
}

/** Values, their kinds and the order of their names alike: `toEqual` tells neither -0 from 0 nor one order from another. */
function exact(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  return Object.entries(value).map(([name, each]) => [name, Object.is(each, -0) ? '-0' : (each as unknown)]);
}

const name = fc.oneof(fc.constantFrom('id', 'amount', 'a b', '__proto__', 'toString', '7', 'x-y'), fc.string());
const number = fc.oneof(
  fc.double().map(String),
  fc.integer().map(String),
  fc.tuple(fc.integer(), fc.nat(1_000_000)).map(([a, b]) => `${a}.${String(b).padStart(6, '0')}`),
  fc.constantFrom(
    '0',
    '-0',
    '0.0',
    '1.0',
    '0.1',
    '1e3',
    '1E-7',
    '0.0000001',
    '0.000001',
    '123456789012345678',
    '01',
    '-',
    '1.',
    '.5',
    '9007199254740993',
    '0.1234567890123456789',
    '100000000000000000000000',
  ),
);
const value = fc.oneof(
  { weight: 3, arbitrary: fc.string().map((text) => JSON.stringify(text)) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)) },
  { weight: 5, arbitrary: number },
  fc.constantFrom('true', 'false', 'null', 'nul', '[]', '{}', '[1]', '{"a":1}', '"\\u0041"', 'NaN'),
);
const space = fc.constantFrom('', '', '', ' ', '\n', '\t ', ' ');
const unusual = fc
  .tuple(fc.array(fc.tuple(name, value), { maxLength: 6 }), space, space)
  .map(([fields, before, behind]) => written(fields, before, behind));
const usualName = fc.stringMatching(/^[a-zA-Z_.][ -~]{0,12}$/);
const usualValue = fc.oneof(
  fc.stringMatching(/^[ -~]{0,30}$/).map((text) => JSON.stringify(text)),
  number,
  fc.constantFrom('true', 'null'),
);
const usual = fc
  .tuple(fc.uniqueArray(fc.tuple(usualName, usualValue), { maxLength: 8, selector: ([each]) => each }), space, space)
  .map(([fields, before, behind]) => written(fields, before, behind));
const document = fc.oneof(unusual, { weight: 3, arbitrary: usual });

function written(fields: readonly [string, string][], before: string, behind: string): string {
  return `${before}{${fields.map(([n, v]) => `${JSON.stringify(n)}:${behind}${v}`).join(`,${before}`)}}${behind}`;
}

/** One document, then others that differ from it by little. */
const mutated = fc
  .tuple(
    document,
    fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 }), fc.constantFrom('put', 'cut', 'add', 'end')), {
      maxLength: 20,
    }),
  )
  .map(([first, changes]) => {
    const bytes = Buffer.from(first);
    const others = changes.map(([at, byte, how]) => {
      const where = at % (bytes.length + 1);
      const given = how === 'put' || how === 'add' ? [byte] : [];
      const rest = how === 'end' ? bytes.length : where + (how === 'add' ? 0 : 1);
      return Buffer.concat([bytes.subarray(0, where), Buffer.from(given), bytes.subarray(rest)]);
    });
    return [bytes, bytes, ...others, bytes];
  });

/** How many documents a scanner reads, and as JSON.parse does, that is given some batches, one after the other. */
function countRead<D extends string | Buffer>(documents: fc.Arbitrary<D[]>, batches: (some: D[]) => D[][]): number {
  let read = 0;
  fc.assert(
    fc.property(documents, (some) => {
      const scanner = new JsonScanner();
      for (const batch of batches(some)) {
        for (const [i, found] of scan(scanner, batch).entries()) {
          if (found === undefined) continue;
          read++;
          expect(exact(found)).toEqual(exact(parsed(batch[i])));
        }
      }
    }),
    SEED,
  );
  return read;
}

describe.runIf(CAN_COMPILE)('JsonScanner', () => {
  it('gives what JSON.parse gives, or nothing', () => {
    const read = countRead(fc.array(document, { maxLength: 8 }), (some) => [some, [...some, ...some]]);
    expect(read).toBeGreaterThan(500);
  });

  it('gives what JSON.parse gives, or nothing, for documents that differ from one it knows by a byte', () => {
    expect(countRead(mutated, (some) => [some.slice(0, 1), some])).toBeGreaterThan(500);
  });

  it('marks only documents as plain that JSON.stringify would write', () => {
    let plain = 0;
    fc.assert(
      fc.property(mutated, (documents) => {
        const scanner = new JsonScanner();
        scan(scanner, documents.slice(0, 1));
        const builder = new RecordBatchBuilder('t', 0);
        for (const each of documents) builder.add(null, each, 0);
        const batch = builder.finish();
        scanner.begin(batch);
        documents.forEach((each, row) => {
          scanner.read(row);
          if (batch.scanned?.plain[row] !== 1) return;
          plain++;
          expect(JSON.stringify(parsed(each))).toBe(each.toString());
        });
      }),
      SEED,
    );
    expect(plain).toBeGreaterThan(80);
  });

  it('reads the second document of a shape, numbers and texts of any length included', () => {
    const of = (i: number) =>
      JSON.stringify({ id: `order-${i}`.repeat(i), amount: i / 100, ok: i % 2 === 0, at: null });
    const documents = Array.from({ length: 50 }, (_, i) => of(i));
    const scanner = new JsonScanner();
    const found = scan(scanner, documents);
    expect(found[0]).toBeUndefined();
    expect(found.slice(1)).toEqual(documents.slice(1).map(parsed));
  });

  it('sees every byte that a text cannot hold as it is, wherever it stands', () => {
    const before = Buffer.from('{"id":"');
    const documents = Array.from({ length: 256 * 9 }, (_, i) => {
      const text = Buffer.from('12345678');
      const [at, byte] = [i % 9, Math.floor(i / 9)];
      const bytes = Buffer.concat([text.subarray(0, at), Buffer.of(byte), text.subarray(at)]);
      return Buffer.concat([before, bytes, Buffer.from('","n":1}')]);
    });
    const scanner = new JsonScanner();
    scan(scanner, ['{"id":"x","n":1}']);
    let read = 0;
    for (const each of documents) {
      const [found] = scan(scanner, [each]);
      if (found === undefined) continue;
      read++;
      expect(exact(found)).toEqual(exact(parsed(each)));
    }
    // All of ASCII but the control characters, the quotation mark and the backslash.
    expect(read).toBe(93 * 9);
  });

  it('makes plain objects, to which fields may be added', () => {
    const scanner = new JsonScanner();
    const [, found] = scan(scanner, ['{"a":1}', '{"a":2}']);
    expect(found).toStrictEqual({ a: 2 });
    expect(found!.constructor).toBe(Object);
    expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
    for (let i = 0; i < 9; i++) Object.assign(found!, { [`more ${i}`]: i });
    expect(Object.keys(found!)).toHaveLength(10);
    expect(inspect(scan(scanner, ['{"a":3}']))).toBe('[ { a: 3 } ]');
  });

  it('learns another shape, also with white space, and keeps the first', () => {
    const scanner = new JsonScanner();
    const documents = ['{"a":1}', '{ "b" : "x" }', '{"a":2}', '{ "b" : "y" }', '{"a": 3}'];
    expect(scan(scanner, documents)).toEqual([undefined, undefined, { a: 2 }, { b: 'y' }, undefined]);
  });

  it('stops trying where nothing fits', () => {
    const scanner = new JsonScanner();
    const broken = Array.from({ length: 1_000 }, (_, i) => `[${i}]`);
    expect(scan(scanner, [...broken, '{"a":1}', '{"a":2}']).every((found) => found === undefined)).toBe(true);
    expect(scan(scanner, ['{"a":1}', '{"a":2}'])).toEqual([undefined, { a: 2 }]);
  });
});

describe('shapeOf', () => {
  it('knows what an object lists in another order than its text', () => {
    for (const each of ['{"7":1}', '{"__proto__":1}', '{"a":1,"a":2}', '{}', '[]', '{"a":{}}', '{"a":"é"}', '{"a":1']) {
      expect(shapeOf(each)).toBeUndefined();
    }
  });

  it('makes no code of long names or white space, which would take longer than all else', () => {
    const scanner = new JsonScanner();
    for (const document of [`{"${'n'.repeat(5_000)}":1}`, `{"a":1${' '.repeat(5_000)}}`])
      expect(scan(scanner, [document, document])).toEqual([undefined, undefined]);
  });

  it('does not keep a long document in memory for a short text of it', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const scanner = new JsonScanner();
    const kept: unknown[] = [];
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) {
      const document = JSON.stringify({ id: `a key of some length ${i}`, note: 'x'.repeat(50_000) });
      kept.push(...scan(scanner, [document, document]).map((row) => (row as { id: string } | undefined)?.id));
    }
    collect();
    expect(kept.filter((id) => id !== undefined).length).toBeGreaterThan(900);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(15e6);
  });

  it('tells tight documents from others', () => {
    expect(shapeOf('{"a":1,"b":"x"}')?.isTight).toBe(true);
    expect(shapeOf('{"a": 1,"b":"x"}')?.isTight).toBe(false);
    expect(shapeOf('{"a":1,"b":"x"}\n')?.isTight).toBe(false);
  });
});
