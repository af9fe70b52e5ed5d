/** What a run is given and what it tells of itself. */
import type { ProtocolPoint } from '../checkpoint/protocol.ts';
import type { Origin } from '../core/element.ts';
import type { NodeCounts } from '../core/ledger.ts';
import type { Clock, Disk } from '../core/ports.ts';
import type { LogClient } from '../log/log-client.ts';
import type { StateStore } from '../state/state-store.ts';

/**
 * `live` runs until it is stopped; `once` reads to the end offsets seen at the start and stops; `drain` does the same and then
 * closes every window.
 */
export type RunMode = 'live' | 'once' | 'drain';

/** Where a source starts that has no checkpoint: the first record, the end, or the first record appended at or after a time (epoch ms). */
export type StartFrom = 'earliest' | 'latest' | { readonly timestamp: number };

export type Delivery = 'exactly-once' | 'at-least-once';

/** Below this many records the share of rejected ones says little. */
export const MIN_RECORDS_FOR_RATIO = 1_000;

export interface RunOptions {
  readonly log: LogClient;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly mode: RunMode;
  /** Folder that relative output paths of file sinks are resolved against. */
  readonly outputDir: string;
  /** Default: the pipeline's own group. */
  readonly group?: string | undefined;
  /** Counts only where there is no checkpoint. Default `earliest`. */
  readonly from?: StartFrom | undefined;
  /** Values for the pipeline's own flags; the others keep their defaults. */
  readonly params?: Readonly<Record<string, string | number | boolean>> | undefined;
  /**
   * Milliseconds between checkpoints while records flow. Default: 50 while the pipeline keeps up, up to 200 where checkpoints take
   * long, and 200 while many records wait in the log. On Kafka full batches wait for their checkpoint when it is above 15,000.
   */
  readonly checkpointMs?: number | undefined;
  /** Default: exactly-once on the embedded log, at-least-once through kafkajs. */
  readonly delivery?: Delivery | undefined;
  /** Stops the run when this share (0 to 1) of the records read since the start was rejected, from 1,000 records on. */
  readonly maxRejectRatio?: number | undefined;
  /**
   * What happens where records are gone before they were read (deleted by retention, or with their topic): true, the default,
   * stops the run; false goes on with what is there and counts what is gone as lost.
   */
  readonly failOnDataLoss?: boolean | undefined;
  /** Bytes that may be under way or staged before sources stop fetching. Default 64 MiB. */
  readonly creditBytes?: number | undefined;
  /** Records in a chunk at most. Default 2,048. */
  readonly maxChunkRecords?: number | undefined;
  /** Whether code may be made while the pipeline runs, for speed alone. Default true. */
  readonly codegen?: boolean | undefined;
  /** Entries of keyed state that an operator keeps in memory. Default 1,000,000. */
  readonly maxStateEntries?: number | undefined;
  /** Stateful operators whose state is to be let go. */
  readonly dropState?: readonly string[] | undefined;
  /** Aborting it stops the run: what is in flight is finished, a last checkpoint is made, windows stay open. */
  readonly signal: AbortSignal;
  /**
   * Something that appends to the source topics during the run, such as a generator. Called when the topics exist; `once` and
   * `drain` take their end offsets when it has resolved. It must return soon after `signal` aborts.
   */
  readonly producer?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Called when recovery is done and records begin to flow. */
  readonly onStart?: ((run: RunningPipeline) => void) | undefined;
  /** Things worth telling a person once: what delivery is promised, what was recovered. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** Takes the lines of `sinkConsole`. Default: they are let go. */
  readonly print?: ((line: string) => void) | undefined;
  /** Called at each named step of the checkpoint protocol; for tests that stop a process there. */
  readonly onPoint?: ((point: ProtocolPoint) => void) | undefined;
}

/** A pipeline that is running, for the live view and for tests. */
export interface RunningPipeline {
  status(): RunStatus;
}

export interface RunStatus {
  readonly pipeline: string;
  readonly group: string;
  readonly mode: RunMode;
  readonly delivery: Delivery;
  /** `embedded log` or `Kafka at …`. */
  readonly log: string;
  readonly state: 'running' | 'stopping' | 'stopped';
  /** What the log fails with just now; it is tried again. */
  readonly waitingFor: string | undefined;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly now: number;
  /** Every node of the plan in the order in which records pass. */
  readonly nodes: readonly NodeStatus[];
  readonly partitions: readonly PartitionStatus[];
  /** Records rejected so far, over all operators; those that came late to a window are not among them. */
  readonly rejected: number;
  readonly late: number;
  /** Records that were gone before they were read, since the pipeline's first start, as far as is known. */
  readonly lost: number;
  readonly lastCheckpoint: CheckpointStatus | undefined;
  /** Bytes under way or staged, and the limit at which sources stop fetching. */
  readonly creditUsed: number;
  readonly creditLimit: number;
}

export interface NodeStatus {
  readonly id: string;
  readonly kind: string;
  readonly role: 'source' | 'operator' | 'sink';
  /** Node ids this one reads from. */
  readonly inputs: readonly string[];
  /** One half of what its input gives, where it takes no more. */
  readonly receives?: 'records' | 'rejections' | undefined;
  /** Since the pipeline's first start. */
  readonly counts: Readonly<NodeCounts>;
  readonly watermark: { readonly time: number; readonly heldBackBy: Origin | undefined } | undefined;
  readonly openWindows: number | undefined;
  readonly stateEntries: number | undefined;
}

export interface PartitionStatus {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  /** The next offset to process. */
  readonly position: number;
  /** End of the log as last seen. */
  readonly end: number;
  readonly lag: number;
  /** Records that were gone before they were read. */
  readonly lost: number;
  /** Too far ahead of the others in event time, so that it is not fetched for now. */
  readonly paused: boolean;
}

export interface CheckpointStatus {
  readonly epoch: number;
  /** Epoch ms. */
  readonly at: number;
  /** From barrier to publication. */
  readonly durationMs: number;
}

/** What is left to say when a run has ended in good order. */
export interface RunReport {
  readonly status: RunStatus;
  /** True when every window was closed and the state is marked drained. */
  readonly drained: boolean;
  /** Checkpoints made by this run. */
  readonly checkpoints: number;
  /** Milliseconds that this run took, start and stop included. */
  readonly durationMs: number;
}
