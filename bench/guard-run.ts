/**
 * One job of the guard in a process of its own: `tsx bench/guard-run.ts JOB`, with V8 in its predictable mode; prints what a
 * thousand records cost as one line of JSON. Data, clock and the places of the checkpoints are the same in every run.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { nodeDisk } from '../src/files/node-disk.ts';
import { EmbeddedLog } from '../src/log/embedded-log.ts';
import type { LogClient } from '../src/log/log-client.ts';
import { run } from '../src/runtime/run.ts';
import { openLmdbStore } from '../src/state/lmdb-store.ts';
import { ManualClock } from '../src/testing/manual-clock.ts';
import { SimulatedKafka } from '../src/testing/simulated-kafka.ts';
import { Allocation } from './allocation.ts';
import type { Figures } from './guard-budget.ts';
import { GUARD_JOBS } from './guard-jobs.ts';

const RECORDS = 200_000;
/** Until then the compiler learns. */
const WARM_UP = 80_000;
/** From there on the end of the topic is near. */
const LAST = 170_000;
const START = Date.UTC(2025, 0, 1);
/** Of simulated time: 10,000 records come between two checkpoints, and a few more to the end of a fetch. */
const MS_PER_RECORD = 0.02;

const job = GUARD_JOBS[process.argv[2]];
const folder = mkdtempSync(join(tmpdir(), 'millrace-guard-'));
const clock = new ManualClock(START);
const store = openLmdbStore(join(folder, '.millrace'));
/** As a broker has it. */
const BATCH_BYTES = 1_000_000;

const log =
  job.log === 'simulated Kafka'
    ? new SimulatedKafka(clock, { batchBytes: BATCH_BYTES })
    : new EmbeddedLog(store, clock);
const allocation = new Allocation();
const counted = { storeCommits: 0, logTransactions: 0, fileSyncs: 0 };
/** Resolves when no checkpoint is under way. */
let checkpointed = Promise.resolve();
let endCheckpoint: () => void;
let seen = 0;
let began: ReturnType<typeof reading> | undefined;
let figures: Figures | undefined;

await log.createTopics(job.topics);
for (const batches of job.batches(RECORDS, START)) await log.append(batches);
pace(log);
const write = store.write.bind(store);
store.write = (body) => {
  counted.storeCommits++;
  return write(body);
};
await run(job.pipeline, {
  log,
  store,
  clock,
  disk: {
    ...nodeDisk,
    sync(path) {
      counted.fileSyncs++;
      return nodeDisk.sync(path);
    },
  },
  mode: 'once',
  delivery: 'exactly-once',
  outputDir: folder,
  signal: new AbortController().signal,
  onPoint(point) {
    if (point === 'barrier-injected') {
      checkpointed = new Promise((resolve) => {
        endCheckpoint = resolve;
      });
    }
    if (point === 'decided') counted.logTransactions++;
    if (point === 'group-committed') endCheckpoint();
  },
});
await log.close();
await store.close();
rmSync(folder, { recursive: true });
if (figures === undefined) throw new Error(`only ${seen} records were read`);
process.stdout.write(`${JSON.stringify(figures)}\n`);

/** Lets time pass with the records that are fetched, and the checkpoints that are due then end before more are given out. */
function pace(log: LogClient): void {
  const fetch = log.fetch.bind(log);
  log.fetch = async (positions, options) => {
    const answers = await fetch(positions, options);
    const records = answers.reduce((sum, { batch }) => sum + (batch?.length ?? 0), 0);
    clock.advance(records * MS_PER_RECORD);
    await nextTurn();
    await checkpointed;
    if (seen >= WARM_UP && began === undefined) {
      allocation.start();
      began = reading();
    }
    if (seen >= LAST) figures ??= since(began!);
    seen += records;
    return answers;
  };
}

function reading() {
  return { ...counted, seen, writtenBytes: writtenBytes() };
}

function since(before: ReturnType<typeof reading>): Figures {
  const now = reading();
  const spent = allocation.stop();
  const perThousand = (amount: number): number => (amount * 1_000) / (now.seen - before.seen);
  return {
    heapBytes: perThousand(spent.heapBytes),
    bufferBytes: perThousand(spent.bufferBytes),
    ...(now.writtenBytes === undefined ? {} : { writtenBytes: perThousand(now.writtenBytes - before.writtenBytes!) }),
    storeCommits: perThousand(now.storeCommits - before.storeCommits),
    logTransactions: perThousand(now.logTransactions - before.logTransactions),
    fileSyncs: perThousand(now.fileSyncs - before.fileSyncs),
  };
}

/** Handed to the operating system by this process so far, LMDB's pages included; only Linux tells. */
function writtenBytes(): number | undefined {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
  } catch {
    return undefined;
  }
}
