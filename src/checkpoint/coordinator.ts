/**
 * Drives the checkpoint protocol: barrier → every node cut → outputs sealed → one commit (the decision) → publication.
 * At most one epoch is undecided; records of the next one are processed meanwhile.
 */
import { assertBalanced, type LedgerEdge, type NodeCounts } from '../core/ledger.ts';
import type { Output } from '../core/operator.ts';
import type { Fingerprint } from '../core/plan.ts';
import type { Clock } from '../core/ports.ts';
import type { Checkpoint, EpochUnderWay, NodeCut } from './checkpoint.ts';
import type { EpochCommit } from './epoch-commit.ts';
import { type Pace, pauseMs } from './pace.ts';
import type { ProtocolPoint } from './protocol.ts';

/** What the coordinator asks of the task it checkpoints. */
export interface CheckpointedTask {
  readonly changed: boolean;
  /** More waits in the log than is fetched at a time. */
  readonly isBehind: boolean;
  readonly nodes: readonly CheckpointedNode[];
  /** Rejects when the task has stopped by a failure. */
  readonly failed: Promise<never>;
  inject(epoch: number, final: boolean): EpochUnderWay;
}

export interface CheckpointedNode {
  readonly id: string;
  readonly fileOutput: Output | undefined;
  committed(): void;
}

export interface CoordinatorOptions {
  readonly task: CheckpointedTask;
  readonly epochCommit: EpochCommit;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly fingerprint: Fingerprint;
  readonly edges: readonly LedgerEdge[];
  /** The last committed epoch; 0 before the first. */
  readonly epoch: number;
  readonly life: string | undefined;
  /** After the commit: tells other readers, and the group's offsets where they are kept elsewhere, too. */
  afterCommit(checkpoint: Checkpoint): Promise<void>;
  /** Staged bytes that are free again. */
  release(bytes: number): void;
  /** Looks at the counts of every checkpoint; may throw to stop the run. */
  inspect(ledger: ReadonlyMap<string, NodeCounts>): void;
  onPoint(point: ProtocolPoint): void;
}

/** Offsets of a group expire when nobody commits them: a pipeline that is only idle keeps its own alive. */
const RENEW_MS = 3_600_000;
/** What comes first after a silence waits so long for what comes with it. */
const GATHER_MS = 5;
const START = { durationMs: 0, isBehind: false };

export class Coordinator {
  last: { readonly epoch: number; readonly at: number; readonly durationMs: number } | undefined;
  made = 0;
  /** By the clock that nobody sets, as all durations here. */
  private madeAt: number;
  private readonly options: CoordinatorOptions;
  /** The last committed epoch. */
  epoch: number;
  /** The sleep between two checkpoints. */
  private nap = new AbortController();
  /** There is nothing to make a checkpoint of. */
  private isIdle = false;

  constructor(options: CoordinatorOptions) {
    this.options = options;
    this.epoch = options.epoch;
    this.madeAt = options.clock.elapsed();
  }

  /** Asks for a checkpoint ahead of its time: staged output uses up the credit. */
  request(): void {
    this.nap.abort();
  }

  /** To be called when the task has changed for the first time since the last barrier. */
  wake(): void {
    if (this.isIdle) this.nap.abort();
  }

  /** A checkpoint soon after something has changed, at the pace that is given, until `signal` aborts; rejects when one fails. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.nap.abort();
    signal.addEventListener('abort', wake);
    const { pace, clock, task } = this.options;
    try {
      for (;;) {
        await this.untilWork(signal);
        if (signal.aborted) return;
        // Behind a start results have been waited for long enough.
        const last = this.last === undefined ? START : { durationMs: this.last.durationMs, isBehind: task.isBehind };
        const due = this.madeAt + pauseMs(pace, last);
        await this.sleep(Math.max(GATHER_MS, due - clock.elapsed()));
        if (signal.aborted) return;
        await this.checkpoint({ final: false, drained: false });
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /** Outputs that wait for their time are looked at now and then; the task says itself when it changes. */
  private async untilWork(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.hasWork) {
      this.isIdle = true;
      await this.sleep(this.options.pace.most);
      this.isIdle = false;
    }
  }

  private async sleep(ms: number): Promise<void> {
    await this.options.clock.sleep(ms, this.nap.signal);
    this.nap = new AbortController();
  }

  /** Makes one checkpoint and publishes it. */
  async checkpoint(kind: { readonly final: boolean; readonly drained: boolean }): Promise<void> {
    const { task, clock, onPoint, edges } = this.options;
    const began = clock.elapsed();
    const underWay = task.inject(this.epoch + 1, kind.final);
    onPoint('barrier-injected');
    await Promise.race([underWay.complete, task.failed]);
    onPoint('barrier-passed');
    const ledger = new Map([...underWay.cuts].map(([id, cut]) => [id, cut.counts]));
    assertBalanced(ledger, edges);
    this.options.inspect(ledger);
    const cuts = [...underWay.cuts.values()];
    const checkpoint = await this.sealedOrFailed(underWay, cuts, kind.drained);
    onPoint('outputs-sealed');
    await this.options.epochCommit.commit(
      checkpoint,
      cuts.flatMap((cut) => cut.state),
      cuts.flatMap((cut) => cut.appends),
    );
    this.epoch = checkpoint.epoch;
    onPoint('committed');
    await this.publish(checkpoint);
    onPoint('outputs-published');
    await this.options.afterCommit(checkpoint);
    onPoint('group-committed');
    for (const node of task.nodes) node.committed();
    for (const cut of cuts) this.options.release(cut.stagedBytes);
    this.made++;
    this.madeAt = clock.elapsed();
    this.last = { epoch: checkpoint.epoch, at: clock.now(), durationMs: this.madeAt - began };
  }

  private get hasWork(): boolean {
    const { task } = this.options;
    if (this.options.clock.elapsed() - this.madeAt > RENEW_MS) return true;
    return task.changed || task.nodes.some(({ fileOutput }) => fileOutput !== undefined && !fileOutput.idle);
  }

  /** What is being staged when the task fails is waited for: a run that goes on would stage the same epoch once more. */
  private async sealedOrFailed(
    underWay: EpochUnderWay,
    cuts: readonly NodeCut[],
    drained: boolean,
  ): Promise<Checkpoint> {
    try {
      return await Promise.race([this.seal(underWay, drained), this.options.task.failed]);
    } catch (thrown) {
      await Promise.allSettled(cuts.map(async ({ sealed }) => sealed));
      throw thrown;
    }
  }

  /** Waits until everything that the commit will name is durable. */
  private async seal(underWay: EpochUnderWay, drained: boolean): Promise<Checkpoint> {
    const cuts = [...underWay.cuts];
    const manifests = await Promise.all(
      cuts.filter(([, cut]) => cut.sealed !== undefined).map(async ([id, cut]) => [id, await cut.sealed] as const),
    );
    await Promise.all(cuts.flatMap(([, cut]) => cut.flushed));
    const pick = <V>(of: (cut: NodeCut) => V | undefined): Record<string, V> =>
      Object.fromEntries(cuts.map(([id, cut]) => [id, of(cut)]).filter(([, value]) => value !== undefined));
    return {
      epoch: underWay.epoch,
      life: this.options.life,
      offsets: pick((cut) => cut.offsets),
      sources: pick((cut) => cut.source),
      snapshots: pick((cut) => cut.snapshot),
      manifests: Object.fromEntries(manifests),
      ledger: pick((cut) => cut.counts),
      fingerprint: this.options.fingerprint,
      decidedBy: this.options.epochCommit.decidedBy,
      transactionalId: this.options.epochCommit.transactionalId,
      drained,
      savedAt: this.options.clock.now(),
    };
  }

  private async publish(checkpoint: Checkpoint): Promise<void> {
    for (const { id, fileOutput } of this.options.task.nodes) {
      if (fileOutput !== undefined) await fileOutput.publish(checkpoint.manifests[id]);
    }
  }
}
