/** What an operator is given of its surroundings (NodeContext), and what the checkpoint is given of the operator. */
import { isAbsolute, join } from 'node:path';
import type { Observable } from 'rxjs';
import type { NodeCut } from '../checkpoint/checkpoint.ts';
import type { Barrier, Element, Origin } from '../core/element.ts';
import { emptyCounts, type NodeCounts } from '../core/ledger.ts';
import type {
  CheckBelow,
  Gauges,
  IntakeLimit,
  KeyedState,
  NodeContext,
  Output,
  Participant,
  TopicOutput,
} from '../core/operator.ts';
import { isUnshared, type PlannedNode } from '../core/plan.ts';
import { throwsAreRejected } from '../core/plan-rejections.ts';
import type { Clock, Disk } from '../core/ports.ts';
import type { LogClient, TopicInfo } from '../log/log-client.ts';
import { KeyedStateTable } from '../state/keyed-state.ts';
import type { ReadView } from '../state/state-store.ts';
import type { Credit } from './credit.ts';
import type { SourceReader } from './source-reader.ts';
import { type AppendAhead, PublishedTopic, StagedTopic } from './topic-output.ts';

/** What the nodes of a task share. */
export interface TaskSurroundings {
  readonly taskId: string;
  readonly owner: number;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: LogClient;
  readonly store: ReadView;
  readonly credit: Credit;
  readonly outputDir: string;
  readonly maxStateEntries: number;
  readonly maxChunkRecords: number;
  /** Whether code may be made while the pipeline runs. */
  readonly codegen: boolean;
  /** Records become visible with the commit; else they are published on the way. */
  readonly staged: boolean;
  /** The last epoch that was decided when the task began. */
  readonly epoch: number;
  /** Sends staged records ahead of their commit, where that can be done. */
  readonly appendAhead: AppendAhead | undefined;
  /** Every topic of the plan. */
  readonly topics: ReadonlyMap<string, TopicInfo>;
  /** Prefix of the store keys of a stateful operator. */
  statePrefix(name: string): Uint8Array;
  openSource(node: string, topic: string, limit: IntakeLimit | undefined): SourceReader;
  /** The barrier has passed the node. */
  cut(node: NodeHost, barrier: Barrier): void;
  isFinal(barrier: Barrier): boolean;
  setPaused(origin: Origin, paused: boolean): void;
  touch(): void;
  print(line: string): void;
  fail(thrown: unknown): void;
}

export class NodeHost implements NodeContext {
  readonly id: string;
  readonly planned: PlannedNode;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly counts: NodeCounts = emptyCounts();
  readonly origins: readonly Origin[];
  readonly rejectsThrows: boolean;
  readonly unshared: boolean;
  readonly codegen: boolean;
  readonly checkBelow: CheckBelow | undefined;
  participant: Participant = {};
  fileOutput: Output | undefined;
  reader: SourceReader | undefined;
  gauges: () => Gauges = () => ({});
  readonly task: string;
  readonly owner: number;
  private readonly surroundings: TaskSurroundings;
  private readonly states: KeyedStateTable<unknown>[] = [];
  private readonly stagedTopics: StagedTopic[] = [];
  private readonly publishedTopics: PublishedTopic[] = [];

  constructor(planned: PlannedNode, origins: readonly Origin[], task: TaskSurroundings) {
    this.id = planned.id;
    this.planned = planned;
    this.origins = origins;
    this.task = task.taskId;
    this.owner = task.owner;
    this.surroundings = task;
    this.clock = task.clock;
    this.disk = task.disk;
    this.rejectsThrows = throwsAreRejected(planned);
    this.unshared = isUnshared(planned);
    this.codegen = task.codegen;
    this.checkBelow = checkBelow(planned);
  }

  keep(participant: Participant): void {
    this.participant = participant;
  }

  keyedState<V>(): KeyedState<V> {
    const state = new KeyedStateTable<V>({
      view: this.surroundings.store,
      prefix: this.surroundings.statePrefix(this.planned.node.name ?? this.id),
      maxEntries: this.surroundings.maxStateEntries,
      operator: this.id,
    });
    this.states.push(state);
    return state;
  }

  topic(name: string): TopicOutput {
    const { topics, staged, credit, log, epoch, appendAhead } = this.surroundings;
    const topic = topics.get(name)!;
    if (staged) {
      const output = new StagedTopic(topic, credit, log, { epoch: epoch + 1, append: appendAhead });
      this.stagedTopics.push(output);
      return output;
    }
    const fail = (thrown: unknown) => this.surroundings.fail(thrown);
    const output = new PublishedTopic(topic, credit, log, fail);
    this.publishedTopics.push(output);
    return output;
  }

  output(output: Output): void {
    this.fileOutput = output;
  }

  source(topic: string, limit?: IntakeLimit): Observable<Element<undefined>> {
    this.reader = this.surroundings.openSource(this.id, topic, limit);
    return this.reader.elements as Observable<Element<undefined>>;
  }

  cut(barrier: Barrier): void {
    this.surroundings.cut(this, barrier);
  }

  /** Everything of this node that belongs to the barrier's checkpoint; taken before anything behind the barrier is seen. */
  takeCut(barrier: Barrier): NodeCut {
    const staged = this.stagedTopics.map((topic) => topic.seal());
    const flushed = this.publishedTopics.map((topic) => topic.flush());
    const sealed = this.fileOutput?.seal(barrier.epoch, this.surroundings.isFinal(barrier));
    // Awaited by the checkpoint; should the task fail before it comes to that, they must not count as unhandled.
    for (const pending of [sealed, ...flushed]) pending?.catch(() => {});
    return {
      counts: { ...this.counts },
      snapshot: this.participant.snapshot?.(),
      state: this.states.map((state) => state.seal()),
      offsets: this.reader && [...this.reader.positions],
      source: this.reader?.facts(),
      appends: staged.flatMap(({ appends }) => appends),
      flushed,
      sealed,
      stagedBytes: staged.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** The checkpoint of the last cut is durable. */
  committed(): void {
    for (const state of this.states) state.committed();
    for (const topic of this.stagedTopics) topic.committed();
    this.participant.committed?.();
  }

  hold(bytes: number): void {
    this.surroundings.credit.hold(bytes);
  }

  release(bytes: number): void {
    this.surroundings.credit.release(bytes);
  }

  setPaused(origin: Origin, paused: boolean): void {
    this.surroundings.setPaused(origin, paused);
  }

  fail(thrown: unknown): void {
    this.surroundings.fail(thrown);
  }

  touch(): void {
    this.surroundings.touch();
  }

  report(gauges: () => Gauges): void {
    this.gauges = gauges;
  }

  print(line: string): void {
    this.surroundings.print(line);
  }

  outputPath(path: string): string {
    return isAbsolute(path) ? path : join(this.surroundings.outputDir, path);
  }
}

function checkBelow({ users }: PlannedNode): CheckBelow | undefined {
  if (users.length !== 1) return undefined;
  const [{ id, node }] = users;
  return node.schema === undefined ? undefined : { id, schema: node.schema };
}
