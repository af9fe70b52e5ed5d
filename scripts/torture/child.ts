/**
 * The process that is tortured: runs the orders pipeline, and kills or stops itself where it was told to. Told by one JSON
 * argument, see ChildOrders.
 */
import orders from '../../pipelines/orders/pipeline.ts';
import type { Disk } from '../../src/core/ports.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import { plainKafka } from '../../src/kafka/kafka-config.ts';
import { openEnvironment } from '../../src/runtime/environment.ts';
import { run } from '../../src/runtime/run.ts';
import { pack, unpack } from '../../src/state/codec.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { sabotaged, withRead } from './sabotage.ts';

export interface ChildOrders {
  /** `host:port` of Kafka; without it, the embedded log of the state directory. */
  readonly brokers: string | undefined;
  readonly stateDir: string;
  readonly outputDir: string;
  readonly mode: 'live' | 'once' | 'drain';
  /** Dies, or is stopped, at the `count`-th time that this step is reached; never, when it is undefined. */
  readonly end: { readonly point: string; readonly count: number; readonly signal: 'SIGKILL' | 'SIGSTOP' } | undefined;
  /** Does not see that the process which owns the task lives: as on another machine. */
  readonly blind: boolean;
  readonly sabotage: string | undefined;
  readonly checkpointMs: number;
  readonly arrowRollMs: number;
  readonly maxChunkRecords: number;
}

const told = JSON.parse(process.argv[2]) as ChildOrders;
let reached = 0;

function at(point: string): void {
  if (point !== told.end?.point) return;
  reached++;
  if (reached !== told.end.count) return;
  if (told.end.signal === 'SIGSTOP') process.stdout.write('stopping\n');
  process.kill(process.pid, told.end.signal);
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

/** So is every transaction of the store. */
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

/** The owner that is found at the start seems to have gone in good order. */
function blindStore(store: StateStore): StateStore {
  let isFirst = true;
  return withRead(store, (key, read) => {
    const bytes = read();
    if (!isFirst || bytes === undefined || !Buffer.from(key).toString('latin1').endsWith('\u0000owner')) return bytes;
    isFirst = false;
    return pack({ ...(unpack(bytes) as object), pid: 0 });
  });
}

const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());
const gone = new Promise<void>((resolve) => process.stdin.once('data', () => resolve()));
process.stdin.unref();

const environment = await openEnvironment({ kafka: plainKafka(told.brokers), stateDir: told.stateDir });
const { log, store, pipeline } = sabotaged(told.sabotage, {
  log: environment.log,
  store: told.blind ? blindStore(environment.store) : environment.store,
  pipeline: orders,
  brokers: told.brokers,
  zombieGone: () => (told.blind ? gone : Promise.resolve()),
  at,
});
const report = await run(pipeline, {
  log,
  store: mortalStore(store),
  disk: mortalDisk(nodeDisk),
  clock: systemClock,
  mode: told.mode,
  outputDir: told.outputDir,
  params: { arrowRollMs: told.arrowRollMs },
  checkpointMs: told.checkpointMs,
  maxChunkRecords: told.maxChunkRecords,
  signal: stopping.signal,
  onPoint: at,
  onStart: () => process.stdout.write('started\n'),
}).catch((error: Error & { code?: string; exitCode?: number }) => {
  process.stderr.write(`${error.code ?? ''} ${error.stack ?? String(error)}\n`);
  process.exit(error.exitCode ?? 1);
});
await environment.close();
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ in: report.status.nodes[0].counts.in, peakMiB })}\n`);
