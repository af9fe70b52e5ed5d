/** A task that has recovered and is ready to run, and what checkpoints it. */
import { type Checkpoint, firstCheckpoint } from '../checkpoint/checkpoint.ts';
import { Coordinator } from '../checkpoint/coordinator.ts';
import type { EpochCommit } from '../checkpoint/epoch-commit.ts';
import { DEFAULT_PACE, type Pace } from '../checkpoint/pace.ts';
import { MillraceError } from '../core/errors.ts';
import type { NodeCounts } from '../core/ledger.ts';
import type { Plan } from '../core/plan.ts';
import type { LogClient, TopicInfo } from '../log/log-client.ts';
import { Credit } from './credit.ts';
import { type OnDataLoss, skipText } from './data-loss.ts';
import { type DeliveryOptions, epochCommitOf, settleWithLog, TRANSACTION_MS, tellOthers } from './delivery.ts';
import { checkContinues, checkOutputs, type DroppedStates, refuseDrained, restore } from './recover.ts';
import { MIN_RECORDS_FOR_RATIO, type RunOptions } from './run-options.ts';
import { type SourceStart, type StartPosition, sourceStart, startPositions } from './start-positions.ts';
import { Task } from './task.ts';

const DEFAULT_CREDIT_BYTES = 64 * 1024 * 1024;
/** Enough to pay for RxJS, few enough for the processor's cache. */
const DEFAULT_CHUNK_RECORDS = 2_048;
const DEFAULT_STATE_ENTRIES = 1_000_000;
/** Of the time that a transaction may take, what the pause between two checkpoints may take of it. */
const MOST_AHEAD = 1 / 4;

export interface Session {
  readonly task: Task;
  readonly credit: Credit;
  readonly coordinator: Coordinator;
  /** The last run ended while it drained, and all that was left to do is done. */
  readonly isDrained: boolean;
  /** Behind a failure: readers of the outputs need not wait for what was sent ahead. */
  withdraw(): Promise<void>;
}

/** From whatever the last run left, however it ended, to a task that goes on from the last decided epoch. */
export async function openSession(
  deliveryOptions: DeliveryOptions,
  states: DroppedStates,
  onDataLoss: OnDataLoss,
  options: RunOptions,
): Promise<Session> {
  const { plan, log, store, group, clock, onPoint } = deliveryOptions;
  const transactions = await settleWithLog(deliveryOptions);
  const saved = store.load();
  const dropped = states.from(saved);
  // A drain that ended before all its output was published is finished by this run.
  const isDrained = saved?.drained === true && saved.epoch !== store.settledEpoch;
  if (saved !== undefined) {
    if (!isDrained) refuseDrained(saved);
    checkContinues(saved, plan.fingerprint, dropped);
    checkOutputs(saved, plan.nodes, store.settledEpoch);
  }
  await log.createTopics(plan.topics);
  const topics = await topicsOf(log, plan);
  const positions = await startPositions(plan, log, saved, options.from ?? 'earliest', group, onDataLoss);
  const starts = startsOf(plan, positions, saved, topics);
  if (saved === undefined) {
    const begin = { ...beginningAt(starts), fingerprint: plan.fingerprint };
    await store.commit(firstCheckpoint(begin, clock.now()), [], () => {});
  }
  const { epoch, life } = store.load()!;
  const credit = new Credit(options.creditBytes ?? DEFAULT_CREDIT_BYTES);
  const epochCommit = epochCommitOf(deliveryOptions, transactions, epoch);
  const begin: TaskBeginning = { epoch, credit, topics, starts, onDataLoss };
  const task = newTask(deliveryOptions, options, begin, epochCommit);
  await restore(task.nodes, saved, plan.fingerprint, dropped, store, onPoint);
  if (isDrained) {
    await store.settle(saved.epoch);
    options.onNotice?.('the last run ended while it drained: the rest of its output is written now');
    if (options.mode !== 'drain') refuseDrained(saved);
  } else if (saved !== undefined && saved.epoch > 0) options.onNotice?.(`goes on from checkpoint ${saved.epoch}`);
  for (const { topic, partition, skip } of positions) {
    if (skip !== undefined) options.onNotice?.(skipText({ topic, partition, offset: skip.from }, skip));
  }
  const coordinator = new Coordinator({
    task,
    epochCommit,
    clock,
    pace: paceOf(options.checkpointMs),
    fingerprint: plan.fingerprint,
    edges: plan.edges,
    epoch,
    life,
    afterCommit: (checkpoint) => tellOthers(deliveryOptions, checkpoint),
    release: (bytes) => credit.release(bytes),
    inspect: (ledger) => checkRejectRatio(plan, ledger, saved, options.maxRejectRatio),
    onPoint,
  });
  credit.onExhausted = () => coordinator.request();
  task.onChanged = () => coordinator.wake();
  return { task, credit, coordinator, isDrained, withdraw: async () => epochCommit.withdraw?.() };
}

interface TaskBeginning {
  /** The last epoch that was decided. */
  readonly epoch: number;
  readonly credit: Credit;
  readonly topics: ReadonlyMap<string, TopicInfo>;
  /** By source node. */
  readonly starts: ReadonlyMap<string, SourceStart>;
  readonly onDataLoss: OnDataLoss;
}

function newTask(
  deliveryOptions: DeliveryOptions,
  options: RunOptions,
  { starts, ...begin }: TaskBeginning,
  epochCommit: EpochCommit,
): Task {
  const { plan, log, store, clock, delivery } = deliveryOptions;
  return new Task({
    ...begin,
    plan,
    taskId: store.taskId,
    owner: store.ownerNumber,
    clock,
    disk: options.disk,
    log,
    store: options.store,
    outputDir: options.outputDir,
    maxStateEntries: options.maxStateEntries ?? DEFAULT_STATE_ENTRIES,
    maxChunkRecords: options.maxChunkRecords ?? DEFAULT_CHUNK_RECORDS,
    codegen: options.codegen ?? true,
    staged: delivery === 'exactly-once',
    appendAhead: mayAppendAhead(deliveryOptions, options.checkpointMs)
      ? epochCommit.appendAhead?.bind(epochCommit)
      : undefined,
    print: options.print ?? (() => {}),
    statePrefix: (name) => store.statePrefix(name),
    onNotice: options.onNotice ?? (() => {}),
    start: (source) => starts.get(source)!,
  });
}

/** A transaction that is begun ahead of its barrier stays open until that has passed: whatever that may wait for long for forbids it. */
function mayAppendAhead({ plan, hasTimedOut }: DeliveryOptions, checkpointMs = 0): boolean {
  if (hasTimedOut || checkpointMs > TRANSACTION_MS * MOST_AHEAD) return false;
  return !plan.nodes.some(({ node }) => node.delaysBarriers);
}

function paceOf(everyMs: number | undefined): Pace {
  return everyMs === undefined ? DEFAULT_PACE : { least: everyMs, most: everyMs };
}

/** By source node. */
function startsOf(
  plan: Plan,
  positions: readonly StartPosition[],
  saved: Checkpoint | undefined,
  topics: ReadonlyMap<string, TopicInfo>,
): ReadonlyMap<string, SourceStart> {
  const sources = plan.nodes.filter(({ node }) => node.role === 'source');
  return new Map(
    sources.map(({ id, node }) => {
      const own = positions.filter(({ source }) => source === id);
      return [id, sourceStart(own, saved?.sources?.[id], topics.get(node.name!)!.id)];
    }),
  );
}

function beginningAt(starts: ReadonlyMap<string, SourceStart>): Pick<Checkpoint, 'offsets' | 'sources'> {
  const entries = [...starts];
  return {
    offsets: Object.fromEntries(entries.map(([id, { offsets }]) => [id, offsets])),
    sources: Object.fromEntries(
      entries.map(([id, { offsets, lost, topicId }]) => [id, { topicId: topicId ?? null, ends: offsets, lost }]),
    ),
  };
}

async function topicsOf(log: LogClient, plan: Plan): Promise<ReadonlyMap<string, TopicInfo>> {
  const entries = plan.topics.map(async ({ topic }) => [topic, (await log.topic(topic))!] as const);
  return new Map(await Promise.all(entries));
}

function checkRejectRatio(
  plan: Plan,
  ledger: ReadonlyMap<string, NodeCounts>,
  saved: Checkpoint | undefined,
  limit: number | undefined,
): void {
  if (limit === undefined) return;
  const since = (id: string, field: 'in' | 'rejected') => ledger.get(id)![field] - (saved?.ledger[id]?.[field] ?? 0);
  const sources = plan.nodes.filter(({ node }) => node.role === 'source');
  const read = sources.reduce((sum, { id }) => sum + since(id, 'in'), 0);
  const rejected = plan.nodes.reduce((sum, { id }) => sum + since(id, 'rejected'), 0);
  if (read < MIN_RECORDS_FOR_RATIO || rejected / read <= limit) return;
  const worst = plan.nodes.reduce((a, b) => (since(b.id, 'rejected') > since(a.id, 'rejected') ? b : a));
  throw new MillraceError(
    'REJECT_RATIO',
    `${rejected} of ${read} records were rejected, more than the ${limit} allowed`,
    {
      place: { operator: worst.id },
      hint: 'see the reasons in the DLQ; nothing of the last checkpoint interval was committed',
    },
  );
}
