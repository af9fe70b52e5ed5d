/** Builds real Observables from a plan: one task owns all partitions of all sources. */
import type { Observable, Subscription } from 'rxjs';
import { tee } from '../../operators/core/tee.ts';
import { EpochUnderWay } from '../checkpoint/checkpoint.ts';
import { Barrier, type Element, type Origin } from '../core/element.ts';
import type { LedgerCut } from '../core/ledger.ts';
import type { Plan, PlannedNode } from '../core/plan.ts';
import type { OnDataLoss } from './data-loss.ts';
import { NodeHost, type TaskSurroundings } from './node-host.ts';
import { SourceReader } from './source-reader.ts';
import type { SourceStart } from './start-positions.ts';

export type TaskOptions = Omit<TaskSurroundings, 'openSource' | 'cut' | 'isFinal' | 'setPaused' | 'touch' | 'fail'> & {
  readonly plan: Plan;
  readonly onDataLoss: OnDataLoss;
  onNotice(notice: string): void;
  /** Where a source begins, by node id. */
  start(source: string): SourceStart;
};

export class Task {
  readonly nodes: readonly NodeHost[];
  readonly readers: readonly SourceReader[];
  /** Settles never, or rejects with what stopped the task. */
  readonly failed: Promise<never>;
  /** Records or time have moved since the last barrier. */
  changed = false;
  /** Called when `changed` becomes true. */
  onChanged: () => void = () => {};
  private readonly stopped = new AbortController();
  private readonly subscriptions: Subscription[] = [];
  private failure: { readonly thrown: unknown } | undefined;
  private underWay: EpochUnderWay | undefined;
  private rejectFailed!: (thrown: unknown) => void;

  constructor(options: TaskOptions) {
    this.failed = new Promise((_, reject) => {
      this.rejectFailed = reject;
    });
    this.failed.catch(() => {});
    const readers = new Map<string, SourceReader>();
    const surroundings: TaskSurroundings = {
      ...options,
      openSource: (node, topic, limit) => {
        const reader = new SourceReader({
          ...options,
          source: node,
          topic,
          limit,
          start: options.start(node),
          onRecords: () => this.touch(),
        });
        readers.set(node, reader);
        return reader;
      },
      cut: (host, barrier) => this.underWay!.add(host.id, host.takeCut(barrier)),
      isFinal: () => this.underWay!.final,
      setPaused: (origin, paused) => readers.get(origin.source)?.setPaused(origin.partition, paused),
      touch: () => this.touch(),
      fail: (thrown) => this.fail(thrown),
    };
    this.nodes = this.build(options.plan, surroundings);
    this.readers = [...readers.values()];
  }

  /** Reads all sources until `signal` aborts or their limits are reached; rejects with what stopped the task. */
  async read(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.stopped.abort();
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    const reads = this.readers.map((reader) => reader.run(this.stopped.signal));
    // One reader's failure is the task's, and stops the others.
    for (const read of reads) read.catch((thrown: unknown) => this.fail(thrown));
    await Promise.allSettled(reads);
    signal.removeEventListener('abort', stop);
    if (this.failure !== undefined) throw this.failure.thrown;
  }

  /** Sends a barrier through the plan; the returned checkpoint is complete when it has passed every node. */
  inject(epoch: number, final: boolean): EpochUnderWay {
    this.changed = false;
    this.underWay = new EpochUnderWay(epoch, this.nodes.length, final);
    const barrier = new Barrier(epoch);
    for (const reader of this.readers) reader.inject(barrier);
    return this.underWay;
  }

  /** Closes every window: no record will follow. */
  endOfTime(): void {
    for (const reader of this.readers) reader.endOfTime();
    this.touch();
  }

  /** More waits in the log than is fetched at a time. */
  get isBehind(): boolean {
    return this.readers.some((reader) => reader.isBehind);
  }

  get counts(): LedgerCut {
    return new Map(this.nodes.map((node) => [node.id, node.counts]));
  }

  fail(thrown: unknown): void {
    this.failure ??= { thrown };
    this.rejectFailed(thrown);
    this.stopped.abort();
  }

  close(): void {
    this.stopped.abort();
    for (const subscription of this.subscriptions) subscription.unsubscribe();
  }

  private touch(): void {
    if (this.changed) return;
    this.changed = true;
    this.onChanged();
  }

  private build(plan: Plan, surroundings: TaskSurroundings): NodeHost[] {
    const outputs = new Map<PlannedNode, Observable<Element<unknown>>>();
    const origins = new Map<PlannedNode, readonly Origin[]>();
    const hosts: NodeHost[] = [];
    for (const planned of plan.nodes) {
      const above = [...new Set(planned.inputs.flatMap((input) => origins.get(input)!))];
      const host = new NodeHost(planned, above, surroundings);
      const inputs = planned.inputs.map((input) => outputs.get(input)!);
      const output = planned.node.build(host, inputs);
      outputs.set(planned, planned.users.length > 1 ? tee(output) : output);
      origins.set(planned, host.reader?.origins ?? above);
      hosts.push(host);
    }
    for (const planned of plan.nodes) {
      if (planned.users.length > 0) continue;
      this.subscriptions.push(outputs.get(planned)!.subscribe({ error: (thrown) => this.fail(thrown) }));
    }
    return hosts;
  }
}
