/**
 * `npm run soak -- --minutes 10`: an endless source, a slow sink, and the resident memory of the process. After the whole
 * time it may be at most 110 % of what it was after a fifth of it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafka, pipeline, run } from 'millrace';
import {
  count,
  decodeJson,
  keyBy,
  lateTo,
  map,
  sink,
  sinkJsonl,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import type { FetchedPartition, FetchPosition } from '../../src/log/log-client.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { flagsOf, numberOf } from '../flags.ts';

const USAGE = `npm run soak -- [--minutes 10]

An endless source and a slow sink: resident memory at the end may be 110 % of what it was after a fifth. Of less than 10 minutes
the first fifth may still be warm-up.`;

const values = flagsOf(USAGE, { minutes: { type: 'string', default: '10' } });
const minutes = numberOf(USAGE, 'minutes', values.minutes, 1, 'any');
const ALLOWED = 1.1;
const BATCH = 5_000;
const ENDLESS = 2 ** 50;

/** An embedded log whose source topic never ends: records are made when they are asked for. */
class EndlessLog extends EmbeddedLog {
  override async fetch(positions: readonly FetchPosition[]): Promise<FetchedPartition[]> {
    return positions.map(({ topic, partition, offset }) => {
      const builder = new RecordBatchBuilder(topic, partition);
      for (let i = 0; i < BATCH; i++) {
        const n = offset + i;
        builder.add(null, JSON.stringify({ key: `k${n % 100}`, at: n, text: 'x'.repeat(100) }), n);
      }
      const batch = builder.finish();
      batch.offsets.forEach((_, i) => {
        batch.offsets[i] = offset + i;
      });
      return { topic, partition, batch, nextOffset: offset + BATCH, highWatermark: ENDLESS, lastStableOffset: ENDLESS };
    });
  }
}

interface Event {
  readonly key: string;
  readonly at: number;
}

let written = 0;
const events = kafka('endless').pipe(
  decodeJson(),
  map((value) => value as Event),
  watermark({ eventTime: (event) => event.at, outOfOrdernessMs: 0 }),
  toDLQ('dlq'),
);
const slow = events.pipe(
  sink<Event>({
    kind: 'slow',
    name: 'slow',
    options: {},
    writer: (ctx) => ({
      async write(chunk) {
        await ctx.clock.sleep(50);
        written += chunk.length;
      },
    }),
  }),
);
const windows = events.pipe(
  keyBy((event) => event.key),
  tumblingWindow('per-key', { sizeMs: 60_000, graceMs: 0, aggregate: { n: count() } }),
  lateTo('late'),
  sinkJsonl('windows.jsonl'),
);

const folder = mkdtempSync(join(tmpdir(), 'millrace-soak-'));
const store = openLmdbStore(join(folder, '.millrace'));
const log = new EndlessLog(store, systemClock);
const stopping = new AbortController();
const running = run(pipeline('soak', slow, windows), {
  log,
  store,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'live',
  outputDir: folder,
  signal: stopping.signal,
});
running.catch((thrown: unknown) => {
  process.stderr.write(`${String(thrown)}\n`);
  process.exit(1);
});

const samples: number[] = [];
const SAMPLE_MS = 1_000;
const total = Math.ceil((minutes * 60_000) / SAMPLE_MS);
for (let i = 0; i < total; i++) {
  await systemClock.sleep(SAMPLE_MS);
  samples.push(process.memoryUsage.rss() / 2 ** 20);
  if (i % 30 === 29)
    process.stderr.write(`${((i + 1) / 60).toFixed(1)} min  ${samples.at(-1)!.toFixed(0)} MiB  ${written} records\n`);
}
stopping.abort();
await running;
await log.close();
await store.close();
rmSync(folder, { recursive: true, force: true });

/** The median of half a minute, so that a single collection decides nothing. */
const around = (share: number): number => {
  const end = Math.ceil(samples.length * share);
  const window = samples.slice(Math.max(0, end - 30), end).sort((a, b) => a - b);
  return window[Math.floor(window.length / 2)];
};
const [early, late] = [around(0.2), around(1)];
const verdict = late <= early * ALLOWED ? 'flat' : 'GROWING';
process.stdout.write(
  `${verdict}: ${early.toFixed(0)} MiB after ${(minutes / 5).toFixed(1)} min, ${late.toFixed(0)} MiB after ${minutes} min (${((late / early) * 100).toFixed(0)} %), ${written} records\n`,
);
process.exit(late <= early * ALLOWED ? 0 : 1);
