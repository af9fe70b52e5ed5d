/**
 * The process that is tortured: runs the orders pipeline and kills itself with SIGKILL where it was told to. Told by one JSON
 * argument, see ChildOrders.
 */
import { openEnvironment } from '../../src/runtime/environment.ts';
import { run } from '../../src/runtime/run.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { systemClock } from '../../src/time/clock.ts';
import type { Disk } from '../../src/core/ports.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import orders from '../../pipelines/orders/pipeline.ts';

export interface ChildOrders {
  /** `host:port` of Kafka; without it, the embedded log of the state directory. */
  readonly brokers: string | undefined;
  readonly stateDir: string;
  readonly outputDir: string;
  readonly mode: 'live' | 'drain';
  /** Dies at the `count`-th time that this step is reached; never, when it is undefined. */
  readonly killAt: { readonly point: string; readonly count: number } | undefined;
  readonly checkpointMs: number;
  readonly maxChunkRecords: number;
}

const told = JSON.parse(process.argv[2]) as ChildOrders;
let reached = 0;

function at(point: string): void {
  if (point !== told.killAt?.point) return;
  reached++;
  if (reached === told.killAt.count) process.kill(process.pid, 'SIGKILL');
}

/** Every call that changes a file is a place to die, just before it and just after it. */
function mortalDisk(disk: Disk): Disk {
  const mortal =
    <A extends unknown[], R>(name: string, call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      at(`before-disk-${name}`);
      const result = await call(...args);
      at(`after-disk-${name}`);
      return result;
    };
  return {
    ...disk,
    write: mortal('write', (path, offset, bytes) => disk.write(path, offset, bytes)),
    truncate: mortal('truncate', (path, size) => disk.truncate(path, size)),
    sync: mortal('sync', (path) => disk.sync(path)),
    rename: mortal('rename', (from, to) => disk.rename(from, to)),
    remove: mortal('remove', (path) => disk.remove(path)),
    syncDir: mortal('sync-dir', (path) => disk.syncDir(path)),
  };
}

/** So is every transaction. */
function mortalStore(store: StateStore): StateStore {
  return {
    get: (table, key) => store.get(table, key),
    range: (table, options) => store.range(table, options),
    close: () => store.close(),
    async write(body) {
      at('before-store-write');
      const result = await store.write((transaction) => {
        const returned = body(transaction);
        at('inside-store-write');
        return returned;
      });
      at('after-store-write');
      return result;
    },
  };
}

const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());
const environment = await openEnvironment({ brokers: told.brokers, stateDir: told.stateDir });
const report = await run(orders, {
  log: environment.log,
  store: mortalStore(environment.store),
  disk: mortalDisk(nodeDisk),
  clock: systemClock,
  mode: told.mode,
  outputDir: told.outputDir,
  params: { arrowRollMs: 300 },
  checkpointMs: told.checkpointMs,
  maxChunkRecords: told.maxChunkRecords,
  signal: stopping.signal,
  onPoint: at,
  onStart: () => process.stdout.write('started\n'),
  onNotice: (line) => process.stdout.write(`${line}\n`),
});
await environment.close();
process.stdout.write(`${JSON.stringify({ rejected: report.status.rejected, late: report.status.late })}\n`);
