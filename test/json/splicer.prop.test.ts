import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Chunk } from '../../src/core/element.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { JsonScanner } from '../../src/json/json-scanner.ts';
import { Splicer } from '../../src/json/splicer.ts';
import { CAN_COMPILE } from './can-compile.ts';

const ORIGIN = { source: 'kafka(t)', topic: 't', partition: 0 };

type Row = Record<string, unknown>;

/** A chunk of documents of one shape, read by a scanner that knows it. */
function chunkOf(rows: readonly Row[]): Chunk<Row> {
  const builder = new RecordBatchBuilder('t', 0);
  for (const row of rows) builder.add('key', JSON.stringify(row), 0);
  const batch = builder.finish();
  const scanner = new JsonScanner();
  for (let i = 0; i < 2; i++) {
    scanner.begin(batch);
    rows.forEach((_, row) => scanner.read(row));
  }
  const values = rows.map((row) => JSON.parse(JSON.stringify(row)) as Row);
  return Chunk.ofBatch(ORIGIN, batch, false).withValues(values);
}

function written(splicer: Splicer, chunk: Chunk<unknown>, i: number): string | undefined {
  splicer.begin();
  const value = splicer.splice(chunk, i);
  if (value === undefined) return undefined;
  const { batch, taken } = { batch: new RecordBatchBuilder('u', 0), taken: 0 };
  expect(batch.add('k', value, 0)).toBeGreaterThan(taken);
  return String(batch.finish().value(0));
}

const text = fc.oneof(fc.string(), fc.constantFrom('Laptop', 'é', '\ud800', '"', '\u2028', 'a\nb'));
const added = fc.oneof(
  text,
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, Number.NaN, -0, [1], { a: 1 }, new Date(0), () => 1, Symbol('s'), {
    toJSON: (key: string) => key,
  }),
);
const row = fc.record({
  id: fc.stringMatching(/^[ -~]{0,30}$/),
  amount: fc.integer({ min: -1000, max: 1000 }).map((n) => n / 4),
  ok: fc.boolean(),
});

/** What pipelines do to values. */
const change = fc.oneof(
  fc.tuple(fc.constantFrom('id', 'amount', 'name', 'at', 'toJSON', '7', '__proto__', 'a"b'), added).map(
    ([name, value]) =>
      (before: Row): Row => ({ ...before, [name]: value }),
  ),
  fc.constant((before: Row): Row => Object.fromEntries(Object.entries(before).toReversed())),
  fc.constant((before: Row): Row => Object.fromEntries(Object.entries(before).filter(([name]) => name !== 'id'))),
  fc.constant(({ id, ...before }: Row): Row => ({ ...before, id })),
  fc.constant((before: Row): Row => Object.assign(Object.create({ inherited: 1 }) as Row, before)),
  fc.constant((before: Row): Row => Object.defineProperty({ ...before }, 'hidden', { value: 1, enumerable: false })),
  fc.constant(
    (before: Row): Row => Object.defineProperty({ ...before }, 'toJSON', { value: () => 'x', enumerable: false }),
  ),
);

describe.runIf(CAN_COMPILE)('Splicer', () => {
  it('writes what JSON.stringify writes, or nothing', () => {
    let spliced = 0;
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 5 }),
        fc.array(change, { maxLength: 4 }),
        (rows, changes) => {
          const chunk = chunkOf(rows);
          const changed = chunk.withValues(chunk.values.map((value) => changes.reduce((v, each) => each(v), value)));
          const splicer = new Splicer();
          for (let i = 0; i < changed.length; i++) {
            const json = written(splicer, changed, i);
            if (json === undefined) continue;
            spliced++;
            expect(json).toBe(JSON.stringify(changed.values[i]));
          }
        },
      ),
      { seed: 11, numRuns: 3_000 },
    );
    expect(spliced).toBeGreaterThan(2_000);
  });

  it('takes the bytes of the right record when others were left out', () => {
    const chunk = chunkOf([{ a: 'x' }, { a: 'y' }, { a: 'z' }]);
    const kept = chunk.select([0, 2], [chunk.values[0], { ...chunk.values[2], b: 'é' }]);
    expect(written(new Splicer(), kept, 1)).toBe('{"a":"z","b":"é"}');
  });

  it('leaves values alone that are no objects, or of records that were not scanned', () => {
    const chunk = chunkOf([{ a: 'x' }]);
    const splicer = new Splicer();
    splicer.begin();
    for (const value of [null, undefined, 'x', 7, [], ['x'], new Map()]) {
      expect(splicer.splice(chunk.withValues([value]), 0)).toBeUndefined();
    }
    const unscanned = Chunk.ofBatch(ORIGIN, new RecordBatchBuilder('t', 0).finish(), false);
    expect(splicer.splice(unscanned.withValues([{ a: 'x' }]), 0)).toBeUndefined();
  });

  it('is not led astray by a field that all objects of the program have', () => {
    const chunk = chunkOf([{ a: 'x' }]);
    // oxlint-disable-next-line no-extend-native -- libraries do such things
    Object.defineProperty(Object.prototype, 'everywhere', {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      expect(written(new Splicer(), chunk, 0)).toBeUndefined();
    } finally {
      delete (Object.prototype as unknown as Row).everywhere;
    }
    // Also not by one that an object before it had of its own.
    const splicer = new Splicer();
    const own = chunk.withValues([{ a: 'x', everywhere: 1 }]);
    expect(written(splicer, own, 0)).toBe('{"a":"x","everywhere":1}');
    expect(written(splicer, chunk, 0)).toBe('{"a":"x"}');
  });
});
