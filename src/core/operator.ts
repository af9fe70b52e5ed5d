/** The contract between an operator and whatever runs it. Operators know neither tasks, nor checkpoints, nor drivers. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Observable } from 'rxjs';
import type { Barrier, Element, Key, Origin } from './element.ts';
import type { NodeCounts } from './ledger.ts';
import type { Clock, Disk } from './ports.ts';
import type { Header, RecordValue } from './record-batch.ts';
import type { RejectionKind } from './rejection.ts';

/** Options as they are printed by `describe` and compared by the fingerprint: plain data only. */
export type PlainOptions = Readonly<Record<string, string | number | boolean | null>>;

/** One step of the plan. Immutable; streams that share a step share the node. */
export interface PlanNode {
  /** The function a user called: `validate`, `tumblingWindow`, `sinkJsonl`. */
  readonly kind: string;
  /** The name of a stateful operator, the topic of a source or log sink, the path of a file sink. */
  readonly name: string | undefined;
  /** Keeps something in the checkpoint by partition: its id names its sources, not its place among others of its kind. */
  readonly namedBySources?: true;
  readonly role: 'source' | 'operator' | 'sink';
  readonly inputs: readonly PlanNode[];
  readonly options: PlainOptions;
  /** Keeps state under `name` in the checkpoint: kind, name and options are part of the fingerprint. */
  readonly stateful: boolean;
  /** Rejections this step can add. */
  readonly adds: readonly RejectionKind[];
  /** Rejections this step takes away: `'all'` for a DLQ. */
  readonly takes: 'all' | readonly RejectionKind[] | 'none';
  /** Takes one half of its input: the records, or the rejections as records of their own. The other half is another node's. */
  readonly receives?: 'records' | 'rejections' | undefined;
  /** What a callback that throws does; `undefined` where there is none: see `NodeContext.rejectsThrows`. */
  readonly onThrow?: OnThrow | undefined;
  /** Topics that this step writes to, besides its main output. */
  readonly topics: readonly TopicUse[];
  /** Further demands on the plan, checked before anything runs. */
  readonly requires?: PlanRequirement | undefined;
  /** An output that only one sink of a plan can have: a file, or the files of one prefix in a folder. */
  readonly exclusive?: string | undefined;
  /** What the values that leave this node were checked against: a Standard Schema. */
  readonly schema?: StandardSchemaV1 | undefined;
  /** Hands values on as they came, or drops them: what is known of their shape above is true below. */
  readonly keepsValues?: true | undefined;
  /** Barriers wait behind work that takes as long as it takes, outside of the process. */
  readonly delaysBarriers?: true;
  /** Where event time is kept from partition to partition: `watermark` and windows know no time above it. */
  readonly givesWatermarks?: boolean;
  build(context: NodeContext, inputs: readonly Observable<Element<unknown>>[]): Observable<Element<unknown>>;
}

export interface TopicUse {
  readonly topic: string;
  readonly use: 'read' | 'write';
  /** Partitions to create the topic with when it is missing. */
  readonly partitions: number;
  /** Nobody chose `partitions`: it gives way to a number that another use of the topic was given. */
  readonly partitionsByDefault?: boolean;
  /** Bytes that one record may have in a topic that is created, where the log would take less by itself. */
  readonly recordBytes?: number;
}

export interface PlanRequirement {
  /** `watermark()` must stand above. */
  readonly watermark?: true;
  /** Keeps memory that a checkpoint cannot hold: refused under exactly-once. */
  readonly replayable?: false;
}

/**
 * What happens when a callback throws on a record: `'reject'` makes it a CallbackError, `'fail'` stops the pipeline.
 * Unset, it is `'reject'` where a toDLQ() stands below and `'fail'` where none does.
 */
export type OnThrow = 'reject' | 'fail';

/** The part of an operator that a checkpoint keeps. */
export interface Participant {
  /** Small state, whole: packed with msgpack, at most some hundred kilobytes. */
  snapshot?(): unknown;
  restore?(snapshot: unknown): void;
  /** Called when the checkpoint that `snapshot` was taken for is durable. */
  committed?(): void;
}

/** Records that a source takes in within a stretch of processing time, from all partitions together. */
export interface IntakeLimit {
  readonly records: number;
  readonly everyMs: number;
}

/** The node below another one, where it checks values against a schema and nobody else sees them between the two. */
export interface CheckBelow {
  readonly id: string;
  readonly schema: StandardSchemaV1;
}

/** Everything an operator may use of its surroundings. One instance a node and task. */
export interface NodeContext {
  readonly id: string;
  /** Names the task: outputs that several tasks may share keep what is theirs under it. */
  readonly task: string;
  /** Rises with every process that takes the task over: what is staged for the same checkpoint by two of them lies apart under it. */
  readonly owner: number;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly counts: NodeCounts;
  /** Partitions whose records can arrive here. */
  readonly origins: readonly Origin[];
  /** Whether a callback that throws rejects its record (else it stops the pipeline). */
  readonly rejectsThrows: boolean;
  /** The plan does not branch above this node: fresh values that arrive here are seen by no other branch. */
  readonly unshared: boolean;
  /** Whether code may be made while the pipeline runs. */
  readonly codegen: boolean;
  readonly checkBelow: CheckBelow | undefined;
  /** What this node keeps in the checkpoint. At most once a node. */
  keep(participant: Participant): void;
  /** Keyed state of a stateful operator, bounded in memory, kept in the store. */
  keyedState<V>(): KeyedState<V>;
  /** A topic that this node writes under the checkpoint. */
  topic(name: string): TopicOutput;
  /** Takes part in the checkpoint with a sink's own output. */
  output(output: Output): void;
  /** The records of a topic, for a source. */
  source(topic: string, limit?: IntakeLimit): Observable<Element<undefined>>;
  /** The barrier has arrived and all before it is done: takes this node's snapshot. Call it before handing the barrier on. */
  cut(barrier: Barrier): void;
  /** Takes bytes of the task's credit; sources stop fetching when none is left. */
  hold(bytes: number): void;
  release(bytes: number): void;
  /** Stops and resumes fetching of one partition (it is too far ahead in event time). */
  setPaused(origin: Origin, paused: boolean): void;
  /** Stops the pipeline from outside a `next` call. */
  fail(thrown: unknown): void;
  /** Something that must reach a checkpoint has changed without a record (time has passed). */
  touch(): void;
  /** Figures for the live view, asked for when it draws. */
  report(gauges: () => Gauges): void;
  /** Shows a line to whoever watches the run: best effort, outside any checkpoint. */
  print(line: string): void;
  /** Absolute path of an output file or folder. */
  outputPath(path: string): string;
}

/** What a node shows of itself in the live view and the metrics. */
export interface Gauges {
  /** Event-time watermark, epoch ms, and the partition that holds it back. */
  readonly watermark?: { readonly time: number; readonly heldBackBy: Origin | undefined };
  readonly openWindows?: number;
  readonly stateEntries?: number;
}

/** Records on their way to a topic. They become visible with the checkpoint, or at once where delivery is at-least-once. */
export interface TopicOutput {
  /** Bytes of key, value and headers that one record may have. */
  readonly maxRecordBytes: number;
  /**
   * `timestamp` is epoch ms. A null key spreads records over the partitions. Returns whether the record was taken: one that is
   * larger than `maxRecordBytes` is not.
   */
  append(key: string | Uint8Array | null, value: RecordValue, timestamp: number, headers?: readonly Header[]): boolean;
}

/**
 * A sink's output outside the log (files). The checkpoint calls, in this order: `seal` at the barrier, commits the
 * manifest, then `publish`; after a crash `recover` with the last committed manifest. Each can be repeated.
 */
export interface Output {
  /**
   * Takes, synchronously and before any await, what was written so far; then makes it durable where no reader sees it.
   * `final` at a stop: a file sink closes its file. Resolves to a manifest (packed with msgpack) that suffices to publish.
   */
  seal(epoch: number, final: boolean): Promise<unknown>;
  /** Makes visible what the committed manifest names. */
  publish(manifest: unknown): Promise<void>;
  /** Puts the output into the state that `manifest` names (`undefined` before the first checkpoint), and publishes it. */
  recover(manifest: unknown): Promise<void>;
  /** True when there is nothing that a checkpoint would have to commit. */
  readonly idle: boolean;
}

/** One value of keyed state. Change `value` and call `touch`, or it is not kept. */
export interface StateEntry<V> {
  readonly key: Key;
  value: V;
  dirty: boolean;
  /** The store's base holds a version of it. */
  stored: boolean;
  /** Removed, and kept until the store knows. */
  gone: boolean;
  /** Number of the delta that holds its newest version; 0 where none does. */
  since: number;
}

/**
 * State by slot and key: a slot is any number that its operator chooses, such as a window's start or the hour in which timers
 * fire. Kept in memory up to a bound and in the store beyond it; a checkpoint writes what was touched since the last one.
 */
export interface KeyedState<V> {
  get(slot: number, key: Key): StateEntry<V> | undefined;
  /** Adds a value under a key that `get` did not find. */
  add(slot: number, key: Key, value: V): StateEntry<V>;
  touch(entry: StateEntry<V>, slot: number): void;
  /** Forgets one value. */
  remove(slot: number, key: Key): void;
  /**
   * Every entry of a slot in the order of its key's bytes. The slot must not be changed meanwhile. What is handed out is to be
   * read: an entry that lay in the store only is none of the table's; `get` gives the one that can be touched.
   */
  entries(slot: number): Iterable<StateEntry<V>>;
  /** Makes slots of a checkpoint known; their entries are read when they are asked for. */
  restore(slots: readonly number[]): void;
  /** Slots that hold anything, or did before it was removed; rising. */
  slots(): readonly number[];
  /** Hands out every entry of a slot in the order of its key's bytes and forgets the slot. */
  take(slot: number): Iterable<StateEntry<V>>;
  /** Forgets a slot and all that is in it, without reading it. */
  forget(slot: number): void;
  /** Entries in memory. */
  readonly size: number;
}
