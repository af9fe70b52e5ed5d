/**
 * What code made for shapes reads and writes, beside JSON.parse, the validator and JSON.stringify, by the million:
 * `npm run fuzz:json -- --count 5000000 --seed 1`.
 */
import { isDeepStrictEqual } from 'node:util';
import { Chunk } from '../../src/core/element.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { JsonScanner } from '../../src/json/json-scanner.ts';
import { Splicer } from '../../src/json/splicer.ts';
import { zodCheck } from '../../src/json/zod-check.ts';
import { systemClock } from '../../src/time/clock.ts';
import { flagsOf, numberOf } from '../flags.ts';
import { mutatedDocuments } from './documents.ts';
import { FuzzedOrder } from './schema.ts';

const BATCH = 1_000;
const PROGRESS_MS = 5_000;
const ORIGIN = { source: 'kafka(fuzz)', topic: 'fuzz', partition: 0 };

const USAGE = `npm run fuzz:json -- [--count 1000000] [--seed 1]

Documents read, checked and written by code made for their shape, beside JSON.parse, the validator and JSON.stringify.`;

const flags = flagsOf(USAGE, { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } });
const count = numberOf(USAGE, 'count', flags.count, 1);
const seed = numberOf(USAGE, 'seed', flags.seed, 0);

const CHECKED = 'validate';
const scanner = new JsonScanner({ id: CHECKED, schema: FuzzedOrder });
const splicer = new Splicer();
const check = zodCheck(FuzzedOrder)!;
const seen = { documents: 0, scanned: 0, accepted: 0, checked: 0, spliced: 0 };
let toldAt = systemClock.now();

let documents: Buffer[] = [];
for (const document of mutatedDocuments({ seed, count })) {
  if (documents.push(document) < BATCH) continue;
  compare(documents);
  documents = [];
  if (systemClock.now() - toldAt < PROGRESS_MS) continue;
  toldAt = systemClock.now();
  process.stderr.write(`  ${seen.documents} of ${count}\n`);
}
compare(documents);
const { documents: all, scanned, accepted, checked, spliced } = seen;
console.log(
  `${all} documents, seed ${seed}: ${scanned} scanned, ${checked} checked on the way, ${accepted} accepted, ${spliced} spliced, all as JSON and zod have it`,
);

function compare(batch: readonly Buffer[]): void {
  const builder = new RecordBatchBuilder('fuzz', 0);
  for (const document of batch) builder.add('k', document, 0);
  const input = builder.finish();
  scanner.begin(input);
  const values = batch.map((_, row) => scanner.read(row));
  const enriched = values.map(
    (value, row) => value && { ...value, name: row % 2 === 0 ? 'Laptop' : 'Phöne', row: row % 4 },
  );
  const chunk = Chunk.ofBatch(ORIGIN, input, false).withValues(enriched);
  splicer.begin();
  for (const [row, value] of values.entries()) {
    seen.documents++;
    if (value === undefined) continue;
    seen.scanned++;
    const parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(batch[row])) as object;
    same(batch[row], entries(value), entries(parsed));
    if (check(value)) {
      seen.accepted++;
      same(batch[row], entries(value), entries(FuzzedOrder.parse(parsed)));
    }
    if (input.scanned?.validFor === CHECKED && input.scanned.valid[row] === 1) {
      seen.checked++;
      same(batch[row], entries(value), entries(FuzzedOrder.parse(parsed)));
    }
    const json = splicer.splice(chunk, row);
    if (json === undefined) continue;
    seen.spliced++;
    const written = new RecordBatchBuilder('out', 0);
    written.add(null, json, 0);
    same(batch[row], String(written.finish().value(0)), JSON.stringify(enriched[row]));
  }
}

/** Order and -0 count. */
function entries(value: object): unknown[] {
  return Object.entries(value).map(([name, each]) => [name, Object.is(each, -0) ? '-0' : (each as unknown)]);
}

function same(document: Buffer, found: unknown, wanted: unknown): void {
  if (isDeepStrictEqual(found, wanted)) return;
  throw new Error(
    `seed ${seed}, document ${JSON.stringify(String(document))}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`,
  );
}
