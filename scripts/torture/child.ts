/**
 * The process that is tortured: runs a pipeline, and kills or stops itself where it was told to. Told by one JSON argument,
 * see ChildTask.
 */
import type { Pipeline } from '../../src/core/pipeline.ts';
import { plainKafka } from '../../src/kafka/kafka-config.ts';
import { openEnvironment } from '../../src/runtime/environment.ts';
import { run } from '../../src/runtime/run.ts';
import type { RunOptions } from '../../src/runtime/run-options.ts';
import { pack, unpack } from '../../src/state/codec.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { mortalDisk } from './mortal-disk.ts';
import { sabotaged, withRead } from './sabotage.ts';
import type { SubjectName } from './subjects.ts';

export interface ChildTask {
  readonly pipeline: SubjectName;
  /** The pipeline's flags. */
  readonly params: NonNullable<RunOptions['params']>;
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
  readonly maxChunkRecords: number;
}

/** Small batches, so that some are sent ahead of every commit. */
const BATCH_BYTES = 1_024;

const told = JSON.parse(process.argv[2]) as ChildTask;
let reached = 0;

function at(point: string): void {
  if (point !== told.end?.point) return;
  reached++;
  if (reached !== told.end.count) return;
  if (told.end.signal === 'SIGSTOP') process.stdout.write('stopping\n');
  process.kill(process.pid, told.end.signal);
}

/** Every transaction of the store is a place to die. */
function mortalStore(store: StateStore): StateStore {
  return {
    get: (table, key) => store.get(table, key),
    range: (table, options) => store.range(table, options),
    keys: (table, options) => store.keys(table, options),
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

const { default: tortured } = (await import(`../../pipelines/${told.pipeline}/pipeline.ts`)) as { default: Pipeline };
const kafka = plainKafka(told.brokers);
const environment = await openEnvironment({
  kafka: kafka && { ...kafka, batchBytes: BATCH_BYTES },
  stateDir: told.stateDir,
});
const { log, store, pipeline } = sabotaged(told.sabotage, {
  log: environment.log,
  store: told.blind ? blindStore(environment.store) : environment.store,
  pipeline: tortured,
  brokers: told.brokers,
  zombieGone: () => (told.blind ? gone : Promise.resolve()),
  at,
});
const report = await run(pipeline, {
  log,
  store: mortalStore(store),
  disk: mortalDisk(at),
  clock: systemClock,
  mode: told.mode,
  outputDir: told.outputDir,
  params: told.params,
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
