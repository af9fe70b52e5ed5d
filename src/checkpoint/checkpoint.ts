/** What one checkpoint holds, and what each node adds to the one under way. */
import { randomBytes } from 'node:crypto';
import type { NodeCounts } from '../core/ledger.ts';
import type { Fingerprint } from '../core/plan.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import type { SealedState } from '../state/keyed-state.ts';

/** What a source knows of its topic, beside how far it has read. */
export interface SourceFacts {
  /** Another one when the topic is deleted and created anew; null where the log does not tell. */
  readonly topicId: string | null;
  /** The end of the log as last seen, by partition number. */
  readonly ends: readonly number[];
  /** Records that were gone before they were read, by partition number, since the pipeline's first start. */
  readonly lost: readonly number[];
}

/** A committed checkpoint, keyed state aside: that lies in a table of its own, written in the same transaction. */
export interface Checkpoint {
  readonly epoch: number;
  /** Told apart by it: epochs begin again with every reset. Checkpoints of before have none. */
  readonly life?: string | undefined;
  /** By source node: the offset to read next, by partition number. */
  readonly offsets: Readonly<Record<string, readonly number[]>>;
  /** By source node. Older checkpoints have none. */
  readonly sources?: Readonly<Record<string, SourceFacts>>;
  /** By node: what its `snapshot` returned. */
  readonly snapshots: Readonly<Record<string, unknown>>;
  /** By node: the manifest of its output. */
  readonly manifests: Readonly<Record<string, unknown>>;
  /** By node: its counts since the pipeline's first start. */
  readonly ledger: Readonly<Record<string, NodeCounts>>;
  readonly fingerprint: Fingerprint;
  /** Where it was decided: `transaction`, when a transaction of the log carried its outputs and offsets. */
  readonly decidedBy: 'store' | 'transaction';
  /** Of the transaction that decided it. Older checkpoints do not say. */
  readonly transactionalId?: string | undefined;
  /** Every window was closed by `--drain`: there is nothing to go on from. */
  readonly drained: boolean;
  /** Epoch milliseconds. */
  readonly savedAt: number;
}

const LIFE_BYTES = 6;

function newLife(): string {
  return randomBytes(LIFE_BYTES).toString('hex');
}

/** What a task begins with that has read nothing yet: where it starts is as durable as everything after it. */
export function firstCheckpoint(
  begin: Pick<Checkpoint, 'offsets' | 'sources' | 'fingerprint'>,
  now: number,
): Checkpoint {
  return {
    epoch: 0,
    life: newLife(),
    snapshots: {},
    manifests: {},
    ledger: {},
    decidedBy: 'store',
    drained: false,
    savedAt: now,
    ...begin,
  };
}

/** What one node hands over when the barrier passes it. */
export interface NodeCut {
  readonly counts: NodeCounts;
  readonly snapshot: unknown;
  readonly state: readonly SealedState[];
  /** Sources only. */
  readonly offsets: readonly number[] | undefined;
  readonly source: SourceFacts | undefined;
  /** Records that become visible with the commit itself. */
  readonly appends: readonly RecordBatch[];
  /** Settle when records that were published on the way are durable. */
  readonly flushed: readonly Promise<void>[];
  /** Settles, with the manifest, when the staged output is durable. */
  readonly sealed: Promise<unknown> | undefined;
  /** Credit that is free again when the checkpoint is published. */
  readonly stagedBytes: number;
}

/** The checkpoint under way: complete when the barrier has passed every node. */
export class EpochUnderWay {
  readonly epoch: number;
  /** The last one of a run: file sinks close their files. */
  readonly final: boolean;
  readonly cuts = new Map<string, NodeCut>();
  readonly complete: Promise<void>;
  private readonly nodes: number;
  private resolve!: () => void;

  constructor(epoch: number, nodes: number, final: boolean) {
    this.epoch = epoch;
    this.nodes = nodes;
    this.final = final;
    this.complete = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  add(node: string, cut: NodeCut): void {
    if (this.cuts.has(node)) throw new Error(`the barrier of epoch ${this.epoch} passed ${node} twice`);
    this.cuts.set(node, cut);
    if (this.cuts.size === this.nodes) this.resolve();
  }
}
