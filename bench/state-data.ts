/** Events of many keys for the state bench, and what every program must make of them. */
import { randomAt } from '../src/core/random.ts';
import { partitionFor } from '../src/log/partitioner.ts';
import { type NewRecord, PARTITIONS } from './topics.ts';

/** Order-independent figures over all results: the same of two programs only if their results are the same. */
export interface Summary {
  results: number;
  /** Sum of the hashes of all results, modulo 2^48. */
  hash: number;
}

const SEED = 7;
const MAX_AMOUNT = 1_000;
export const HASH_RANGE = 2 ** 48;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Every key once, in a scattered order, and then keys drawn at random. The key of a record is that of its state, its value an
 * amount in decimal; a result is the key, and how many records and what sum it has had so far: `key → count,sum`. `summary` is
 * filled as records are taken.
 */
export function* generateEvents(records: number, keys: number, summary: Summary): Iterable<NewRecord> {
  const counts = new Uint32Array(keys);
  const sums = new Float64Array(keys);
  const stride = strideFor(keys);
  for (let i = 0; i < records; i++) {
    const random = randomAt(SEED, i);
    const id = i < keys ? (i * stride) % keys : Math.floor(random() * keys);
    const amount = 1 + Math.floor(random() * MAX_AMOUNT);
    const name = `key-${id}`;
    counts[id]++;
    sums[id] += amount;
    summary.results++;
    summary.hash = (summary.hash + fnv1a(`${name}=${counts[id]},${sums[id]}`)) % HASH_RANGE;
    const key = Buffer.from(name);
    yield { key, value: Buffer.from(String(amount)), partition: partitionFor(key, PARTITIONS) };
  }
}

/** Steps of so many go through all keys before they come back to the first, and never to a neighbour of the last. */
function strideFor(keys: number): number {
  let stride = Math.max(1, Math.floor(keys * GOLDEN));
  while (divisor(stride, keys) !== 1) stride++;
  return stride;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** @see G. Fowler, L. Noll, K.-P. Vo, The FNV non-cryptographic hash algorithm */
export function fnv1a(ascii: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < ascii.length; i++) hash = Math.imul(hash ^ ascii.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
