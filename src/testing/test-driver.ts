/** Runs a pipeline without a broker, a disk or a real clock: a test feeds records, lets time pass and reads what came out. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NodeCounts } from '../core/ledger.ts';
import type { Pipeline } from '../core/pipeline.ts';
import type { Clock, Disk } from '../core/ports.ts';
import { RecordBatchBuilder } from '../core/batch-builder.ts';
import type { Header, LogRecord } from '../core/record-batch.ts';
import { EmbeddedLog } from '../log/embedded-log.ts';
import type { LogClient } from '../log/log-client.ts';
import { run } from '../runtime/run.ts';
import type { RunMode, RunningPipeline, RunOptions, RunReport, RunStatus } from '../runtime/run-options.ts';
import { memoryStore } from '../state/memory-store.ts';
import type { StateStore } from '../state/state-store.ts';
import { CrashDisk } from './crash-disk.ts';
import { ManualClock } from './manual-clock.ts';

export interface TestRecord {
  readonly key?: string | Uint8Array | null;
  /** An object is written as JSON. */
  readonly value: unknown;
  readonly headers?: readonly Header[];
  /** Default 0. */
  readonly partition?: number;
}

export type TestDriverOptions = Partial<Omit<RunOptions, 'log' | 'clock' | 'signal' | 'mode'>> & {
  /** Epoch ms at which the clock stands. Default 2024-01-01. */
  readonly startAt?: number;
  /** Default: an embedded log in the store. */
  readonly log?: (clock: Clock) => LogClient;
};

const DEFAULT_START = 1_704_067_200_000;
/** Simulated milliseconds in one step of `settle`. */
const STEP_MS = 50;
/** Steps without anything left to do before a run counts as settled. */
const QUIET_STEPS = 3;
const MAX_STEPS = 100_000;
const ENDLESS_BYTES = 1 << 30;

/**
 * A pipeline under test, on a memory store, with a clock that moves only when the test says so.
 *
 * @example
 * ```ts
 * const driver = new TestDriver(pipeline('lengths', kafka('in').pipe(map((r) => r.value?.length), sinkKafka('out'))));
 * await driver.start();
 * await driver.append('in', [{ value: 'abc' }]);
 * await driver.settle();
 * const lengths = (await driver.read('out')).map((record) => String(record.value)); // ['3']
 * await driver.stop();
 * ```
 */
export class TestDriver {
  readonly clock: ManualClock;
  readonly store: StateStore;
  readonly disk: Disk;
  readonly log: LogClient;
  private readonly pipeline: Pipeline;
  private readonly options: TestDriverOptions;
  private stopping = new AbortController();
  private running: RunningPipeline | undefined;
  private ending: Promise<RunReport> | undefined;
  private failure: { readonly thrown: unknown } | undefined;

  constructor(pipeline: Pipeline, options: TestDriverOptions = {}) {
    this.pipeline = pipeline;
    this.options = options;
    this.clock = new ManualClock(options.startAt ?? DEFAULT_START);
    this.store = options.store ?? memoryStore();
    this.disk = options.disk ?? new CrashDisk();
    this.log = options.log?.(this.clock) ?? new EmbeddedLog(this.store, this.clock);
  }

  /** Creates a topic ahead of the run, to fill it first or to give it other partitions. */
  async createTopic(topic: string, partitions = 3): Promise<void> {
    await this.log.createTopics([{ topic, partitions }]);
  }

  /** Starts or restarts the pipeline; resolves when it has recovered, or rejects with why it did not. */
  async start(mode: RunMode = 'live'): Promise<void> {
    this.stopping = new AbortController();
    this.failure = undefined;
    const started = new Promise<void>((resolve) => {
      this.ending = run(this.pipeline, {
        outputDir: '/output',
        ...this.options,
        log: this.log,
        store: this.store,
        clock: this.clock,
        disk: this.disk,
        mode,
        signal: this.stopping.signal,
        onStart: (running) => {
          this.running = running;
          resolve();
        },
      });
    });
    this.ending!.catch((thrown: unknown) => {
      this.failure = { thrown };
    });
    await Promise.race([started, this.ending]);
  }

  /** Appends records and lets them be read; the append time is the clock's. */
  async append(topic: string, records: readonly TestRecord[]): Promise<void> {
    const builders = new Map<number, RecordBatchBuilder>();
    for (const { key = null, value, headers, partition = 0 } of records) {
      const builder = builders.get(partition) ?? new RecordBatchBuilder(topic, partition);
      builders.set(partition, builder);
      const isPlain = value === null || typeof value === 'string' || value instanceof Uint8Array;
      builder.add(key, isPlain ? value : JSON.stringify(value), this.clock.now(), headers);
    }
    await this.log.append([...builders.values()].map((builder) => builder.finish()));
  }

  /**
   * Lets time pass, a little, until everything appended is processed and committed.
   * @throws what stopped the pipeline, if it has stopped
   */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let step = 0; quiet < QUIET_STEPS; step++) {
      if (step > MAX_STEPS) throw new Error(`still busy after ${(MAX_STEPS * STEP_MS) / 1000} simulated seconds`);
      const before = this.progress();
      await this.advance(STEP_MS * 5);
      quiet = before === this.progress() && this.status.partitions.every(({ lag }) => lag === 0) ? quiet + 1 : 0;
    }
  }

  /** Moves the clock forward and lets everything that was due happen. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.clock.advance(Math.min(STEP_MS, left));
      await nextTurn();
      await nextTurn();
      if (this.failure !== undefined) throw this.failure.thrown;
    }
  }

  /** All records of a topic: by partition, then by offset. */
  async read(topic: string): Promise<LogRecord[]> {
    const starts = await this.log.offsets(topic, 'earliest');
    const ends = await this.log.offsets(topic, 'latest');
    const records: LogRecord[] = [];
    for (let [partition, offset] of starts.entries()) {
      while (offset < ends[partition]) {
        const [answer] = await this.log.fetch([{ topic, partition, offset }], {
          maxBytes: ENDLESS_BYTES,
          maxWaitMs: 0,
        });
        const { batch } = answer;
        for (let row = 0; row < (batch?.length ?? 0); row++) records.push(batch!.record(row));
        offset = answer.nextOffset;
      }
    }
    return records;
  }

  /** The values of a topic, each parsed as JSON. */
  async readJson(topic: string): Promise<unknown[]> {
    return (await this.read(topic)).map(({ value }) =>
      value === null ? null : JSON.parse(Buffer.from(value).toString()),
    );
  }

  get status(): RunStatus {
    if (this.running === undefined) throw new Error('the pipeline has not been started');
    return this.running.status();
  }

  /** Counts of one node, by its id in the plan (`map`, `tumblingWindow(per-user)`). */
  counts(node: string): Readonly<NodeCounts> {
    const found = this.status.nodes.find(({ id }) => id === node);
    if (found === undefined)
      throw new Error(`no node ${node}; there are ${this.status.nodes.map(({ id }) => id).join(', ')}`);
    return found.counts;
  }

  /** Stops in good order: what is in flight is finished and a last checkpoint is made. */
  async stop(): Promise<RunReport> {
    this.stopping.abort();
    return this.finish();
  }

  /** Waits for the end of a run in mode `once` or `drain`, or for the failure of any. */
  async finish(): Promise<RunReport> {
    const ending = this.ending!;
    let settled = false;
    const watched = ending.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    while (!settled) {
      this.clock.advance(STEP_MS);
      await nextTurn();
    }
    return watched;
  }

  private progress(): string {
    const { nodes, partitions, lastCheckpoint } = this.status;
    return JSON.stringify([
      nodes.map(({ counts }) => counts),
      partitions.map(({ position }) => position),
      lastCheckpoint?.epoch,
    ]);
  }
}
