import fc from 'fast-check';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { JsonScanner } from '../../src/json/json-scanner.ts';
import { CAN_COMPILE } from './can-compile.ts';

function scannerOf(schema: StandardSchemaV1): JsonScanner {
  return new JsonScanner({ id: 'validate', schema });
}

/** What a scanner reads of documents in one batch, and what it notes of their validity; nothing where it does not look. */
function read(scanner: JsonScanner, documents: readonly string[]) {
  const builder = new RecordBatchBuilder('t', 0);
  for (const document of documents) builder.add(null, document, 0);
  const batch = builder.finish();
  scanner.begin(batch);
  const found = documents.map((_, row) => scanner.read(row));
  return { found, valid: [...(batch.scanned?.valid ?? [])] };
}

/** The order of the names counts. */
const entriesOf = (value: object): [string, unknown][] => Object.entries(value);

describe.runIf(CAN_COMPILE)('a JsonScanner that checks documents', () => {
  it('says of documents that they are valid only where the schema would give them back as they are', () => {
    const texts = ['s', 'prod-1', 'prod-12', 'twelve bytes', '', 'Ł', 'é', '€uro', 'a"b'];
    const schema = z.looseObject({
      kind: z.enum(texts as [string, ...string[]]),
      only: z.literal('x'),
      id: z.string().min(2).max(8),
      amount: z.number().positive().lte(100),
      ok: z.boolean(),
    });
    const text = fc.oneof(
      fc.constantFrom(...texts, 'A', 'prod-2', 'x', 'xy', 'twelve bytez'),
      fc.string({ maxLength: 9 }),
    );
    const odd = fc.oneof(text, fc.constantFrom(0, -1, 0.5, 100, 101, null, true, false));
    const one = fc.record({
      kind: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...texts) }, odd),
      only: fc.oneof({ weight: 3, arbitrary: fc.constant('x') }, odd),
      id: fc.oneof({ weight: 3, arbitrary: fc.stringMatching(/^[a-z]{2,8}$/) }, odd),
      amount: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 100 }) }, odd),
      ok: fc.oneof({ weight: 3, arbitrary: fc.boolean() }, odd),
    });
    const first = JSON.stringify({ kind: 's', only: 'x', id: 'ab', amount: 1, ok: true });
    let seen = 0;
    fc.assert(
      fc.property(fc.array(one, { maxLength: 20 }), (some) => {
        const scanner = scannerOf(schema);
        read(scanner, [first]);
        const { found, valid } = read(
          scanner,
          some.map((each) => JSON.stringify(each)),
        );
        some.forEach((each, row) => {
          if (valid[row] !== 1) return;
          seen++;
          expect(entriesOf(found[row]!)).toEqual(entriesOf(schema.parse(each)));
        });
      }),
      { seed: 7, numRuns: 1_000 },
    );
    expect(seen).toBeGreaterThan(500);
  });

  it('checks nothing where the documents have other fields than the schema, or in another order', () => {
    const schema = z.looseObject({ a: z.string(), b: z.string() });
    for (const document of ['{"b":"x","a":"y"}', '{"a":"x"}', '{"a":"x","b":"y","c":"z"}']) {
      const scanner = scannerOf(schema);
      read(scanner, [document]);
      expect(read(scanner, [document])).toEqual({ found: [JSON.parse(document)], valid: [] });
    }
  });

  it.each([1, 32, 33, 300, 20_000])('tells the texts of an enumeration of %i apart', (n) => {
    const texts = Array.from({ length: n }, (_, i) => `text ${i}`);
    const schema = z.looseObject({ a: z.enum(texts as [string, ...string[]]), b: z.enum(['x', 'y']) });
    const scanner = scannerOf(schema);
    const documents = [texts[0], texts.at(-1)!, 'text', `text ${n}`].map((a) => JSON.stringify({ a, b: 'y' }));
    read(scanner, documents);
    const { found, valid } = read(scanner, documents);
    expect(found).toEqual(documents.map((each) => JSON.parse(each) as object));
    expect(valid).toEqual([1, 1, 0, 0]);
  });

  it('notes nothing, and loses nothing, when something is added to all objects', () => {
    const schema = z.strictObject({ a: z.string(), b: z.string() });
    const scanner = scannerOf(schema);
    const documents = ['{"a":"x","b":"y"}'];
    read(scanner, documents);
    expect(read(scanner, documents)).toEqual({ found: [{ a: 'x', b: 'y' }], valid: [1] });
    const all = Object.prototype as unknown as Record<string, unknown>;
    for (const added of [
      { value: 1, enumerable: true },
      { set: () => {}, get: () => 7 },
      { value: 1, writable: false },
    ]) {
      // oxlint-disable-next-line no-extend-native -- libraries do such things
      Object.defineProperty(all, 'a', { ...added, configurable: true });
      const meanwhile = () => {
        try {
          read(scanner, documents);
          return read(scanner, documents);
        } finally {
          delete all.a;
        }
      };
      const { found, valid } = meanwhile();
      expect(found.map((each) => Object.entries(each!))).toEqual([
        [
          ['a', 'x'],
          ['b', 'y'],
        ],
      ]);
      if ('enumerable' in added) expect(valid).toEqual([]);
    }
  });
});
