/** Feeds bad input to the orders steps on an embedded log, and accounts for each record of it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import { run } from '../../src/runtime/run.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { type Account, Ledger, PARTITIONS } from './account.ts';
import { fuzzedOrders } from './orders.ts';
import { BLOCK, block, START, STEP_MS } from './values.ts';

const WATCH_MS = 50;

export interface FuzzOptions {
  /** Rounded up to whole blocks. */
  readonly records: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}

export interface FuzzReport extends Account {
  readonly records: number;
  /** The most memory of its own that the process had while the pipeline ran, and before: bytes. */
  readonly peakBytes: number;
  readonly bytesBefore: number;
}

export async function fuzzInput({ records, seed, progress = () => {} }: FuzzOptions): Promise<FuzzReport> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'));
  const store = openLmdbStore(join(folder, '.millrace'));
  try {
    const blocks = Math.ceil(records / BLOCK);
    const ledger = new Ledger(blocks * BLOCK);
    await feed(store, blocks, seed, ledger);
    progress(`${blocks * BLOCK} records written; the pipeline runs`);
    const bytesBefore = ownBytes();
    const watch = new Watch();
    const log = new EmbeddedLog(store, systemClock);
    await run(fuzzedOrders, {
      log,
      store,
      clock: systemClock,
      disk: nodeDisk,
      mode: 'drain',
      outputDir: folder,
      signal: new AbortController().signal,
    }).finally(() => watch.stop());
    progress('the pipeline has come to the end; each record is looked for');
    const account = await ledger.check(log);
    await log.close();
    return { ...account, records: blocks * BLOCK, peakBytes: watch.peak, bytesBefore };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The log's time goes with the event time of honest orders. */
async function feed(store: StateStore, blocks: number, seed: number, ledger: Ledger): Promise<void> {
  let now = START;
  const log = new EmbeddedLog(store, { ...systemClock, now: () => now });
  await log.createTopics([{ topic: 'orders', partitions: PARTITIONS }]);
  for (let number = 0; number < blocks; number++) {
    const builders = Array.from({ length: PARTITIONS }, (_, partition) => new RecordBatchBuilder('orders', partition));
    for (const [i, record] of block(seed, number).entries()) {
      const index = number * BLOCK + i;
      ledger.fed(index, record);
      builders[index % PARTITIONS].add(record.key, record.value, now);
    }
    now = START + (number + 1) * BLOCK * STEP_MS;
    await log.append(builders.map((builder) => builder.finish()));
  }
  await log.close();
}

/** Keeps the most memory that it has seen. */
class Watch {
  peak = 0;
  private readonly timer = setInterval(() => (this.peak = Math.max(this.peak, ownBytes())), WATCH_MS);

  stop(): void {
    clearInterval(this.timer);
  }
}

/** Resident memory without the pages of files, which the kernel takes back as it likes: the log is one. */
export function ownBytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return anonymous === undefined ? process.memoryUsage().rss : Number(anonymous) * 1024;
}
