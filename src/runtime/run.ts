/** Runs a pipeline: checks, recovers, reads, checkpoints, stops. */
import { type Checkpoint, firstCheckpoint } from '../checkpoint/checkpoint.ts';
import { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import { Coordinator } from '../checkpoint/coordinator.ts';
import { processProbe } from '../checkpoint/process-probe.ts';
import { MillraceError, messageOf } from '../core/errors.ts';
import type { NodeCounts } from '../core/ledger.ts';
import type { Pipeline } from '../core/pipeline.ts';
import { type Plan, planOf } from '../core/plan.ts';
import type { LogClient, TopicInfo } from '../log/log-client.ts';
import { Credit } from './credit.ts';
import { explained, type OnDataLoss, refuseReplaced, replacedTopics, skipText } from './data-loss.ts';
import {
  checkDelivery,
  type DeliveryOptions,
  deliveryOf,
  epochCommitOf,
  settleWithLog,
  tellOthers,
} from './delivery.ts';
import { watchLog } from './log-watch.ts';
import { paramValues } from './params.ts';
import { checkContinues, checkOutputs, DroppedStates, refuseDrained, restore } from './recover.ts';
import { MIN_RECORDS_FOR_RATIO, type RunOptions, type RunReport, type RunStatus } from './run-options.ts';
import { type SourceStart, sourceStart, startPositions } from './start-positions.ts';
import { statusOf } from './status.ts';
import { Task } from './task.ts';
import { taskIdOf } from './task-id.ts';

const DEFAULT_CHECKPOINT_MS = 200;
const DEFAULT_CREDIT_BYTES = 64 * 1024 * 1024;
/** Enough to pay for RxJS, few enough for the processor's cache. */
const DEFAULT_CHUNK_RECORDS = 2_048;
const DEFAULT_STATE_ENTRIES = 1_000_000;
const MAX_RECOVERIES = 5;

/**
 * Runs a pipeline until it is stopped (`live`) or has read to the end (`once`, `drain`), and resolves when everything that
 * was read is processed, committed and published.
 *
 * @throws MillraceError whatever stopped it; the last checkpoint stands, and the next run goes on from there
 */
export async function run(pipeline: Pipeline, options: RunOptions): Promise<RunReport> {
  const { log, clock, mode } = options;
  const began = clock.now();
  const delivery = deliveryOf(log, options.delivery);
  const plan = planOf(pipeline.build(paramValues(pipeline, options.params)), pipeline.version);
  checkDelivery(plan, delivery);
  const group = options.group ?? pipeline.group;
  const store = new CheckpointStore(options.store, taskIdOf(pipeline.name, log.kind, group));
  const onPoint = options.onPoint ?? (() => {});
  const about = { pipeline: pipeline.name, group, mode, delivery, log: log.description, startedAt: began };
  await store.own(processProbe, clock.now());
  let producer: Producer | undefined;
  try {
    onPoint('recovery-owned');
    const onDataLoss: OnDataLoss = options.failOnDataLoss === false ? 'skip' : 'fail';
    const attempts = new Recoveries(onDataLoss);
    const dropped = new DroppedStates(options.dropState ?? []);
    for (;;) {
      const replaced = await replacedTopics(plan, log, store.load());
      if (onDataLoss === 'fail') refuseReplaced(replaced);
      const settling = { plan, delivery, group, replaced, log, store, clock, onPoint };
      const session = await recover(settling, dropped, onDataLoss, options);
      if (!session.isDrained) producer ??= startProducer(options);
      try {
        return await runSession(session, producer?.done ?? Promise.resolve(), about, store, options);
      } catch (thrown) {
        const failure = await explained(thrown, plan, log, store.load());
        if (!attempts.allow(failure, session.coordinator.made)) throw failure;
        options.onNotice?.(`${messageOf(failure)}: goes back to the last checkpoint`);
      } finally {
        session.task.close();
      }
    }
  } finally {
    await producer?.stop();
    await store.disown().catch(() => {});
  }
}

/**
 * A transaction that failed is done again from the last epoch, and a topic that was made anew read from there, where that may
 * be; what fails again and again is not.
 */
class Recoveries {
  private readonly codes: readonly string[];
  private inARow = 0;

  constructor(onDataLoss: OnDataLoss) {
    this.codes = ['TRANSACTION_FAILED', ...(onDataLoss === 'skip' ? ['TOPIC_REPLACED'] : [])];
  }

  allow(thrown: unknown, checkpointsMade: number): boolean {
    this.inARow = checkpointsMade > 0 ? 1 : this.inARow + 1;
    return thrown instanceof MillraceError && this.codes.includes(thrown.code) && this.inARow <= MAX_RECOVERIES;
  }
}

type Session = Awaited<ReturnType<typeof recover>>;
type About = Pick<RunStatus, 'pipeline' | 'group' | 'mode' | 'delivery' | 'log' | 'startedAt'>;

/** From a recovered task to the end of the run, or to what stopped it. */
async function runSession(
  { task, credit, coordinator, isDrained }: Session,
  producing: Promise<void>,
  about: About,
  store: CheckpointStore,
  options: RunOptions,
): Promise<RunReport> {
  const { log, clock } = options;
  const state: { now: RunStatus['state'] } = { now: 'running' };
  const status = (): RunStatus =>
    statusOf({ ...about, state: state.now, waitingFor: log.trouble, now: clock.now(), task, coordinator, credit });
  options.onStart?.({ status });
  const ended = new AbortController();
  void watchLog(log, clock, options.onNotice ?? (() => {}), ended.signal);
  const driving = isDrained
    ? Promise.resolve(true)
    : drive(task, coordinator, producing, options, () => {
        state.now = 'stopping';
      });
  const drained = await driving.finally(() => ended.abort());
  await store.settle(coordinator.epoch);
  state.now = 'stopped';
  return { status: status(), drained, checkpoints: coordinator.made, durationMs: clock.now() - about.startedAt };
}

/** Runs beside the pipeline until the run ends, whatever has to be done again. */
interface Producer {
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

function startProducer(options: RunOptions): Producer {
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const done = Promise.resolve(options.producer?.(signal));
  done.catch(() => {});
  return {
    done,
    stop: async () => {
      stopping.abort();
      await done.catch(() => {});
    },
  };
}

async function recover(
  deliveryOptions: DeliveryOptions,
  states: DroppedStates,
  onDataLoss: OnDataLoss,
  options: RunOptions,
) {
  const { plan, log, store, group, delivery, clock, onPoint } = deliveryOptions;
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
  const sources = plan.nodes.filter(({ node }) => node.role === 'source');
  const starts = new Map(
    sources.map(({ id, node }) => {
      const own = positions.filter(({ source }) => source === id);
      return [id, sourceStart(own, saved?.sources?.[id], topics.get(node.name!)!.id)];
    }),
  );
  if (saved === undefined) {
    const begin = { ...beginningAt(starts), fingerprint: plan.fingerprint };
    await store.commit(firstCheckpoint(begin, clock.now()), [], () => {});
  }
  const credit = new Credit(options.creditBytes ?? DEFAULT_CREDIT_BYTES);
  const task = new Task({
    plan,
    taskId: store.taskId,
    clock,
    disk: options.disk,
    log,
    store: options.store,
    credit,
    outputDir: options.outputDir,
    maxStateEntries: options.maxStateEntries ?? DEFAULT_STATE_ENTRIES,
    maxChunkRecords: options.maxChunkRecords ?? DEFAULT_CHUNK_RECORDS,
    staged: delivery === 'exactly-once',
    topics,
    print: options.print ?? (() => {}),
    statePrefix: (name) => store.statePrefix(name),
    onDataLoss,
    onNotice: options.onNotice ?? (() => {}),
    start: (source) => starts.get(source)!,
  });
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
    epochCommit: epochCommitOf(deliveryOptions, transactions),
    clock,
    intervalMs: options.checkpointMs ?? DEFAULT_CHECKPOINT_MS,
    fingerprint: plan.fingerprint,
    edges: plan.edges,
    epoch: saved?.epoch ?? 0,
    afterCommit: (checkpoint) => tellOthers(deliveryOptions, checkpoint),
    release: (bytes) => credit.release(bytes),
    inspect: (ledger) => checkRejectRatio(plan, ledger, saved, options.maxRejectRatio),
    onPoint,
  });
  credit.onExhausted = () => coordinator.request();
  return { task, credit, coordinator, isDrained };
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

/** From the first record to the last checkpoint; resolves to whether every window was closed. */
async function drive(
  task: Task,
  coordinator: Coordinator,
  producing: Promise<void>,
  options: RunOptions,
  onStopping: () => void,
): Promise<boolean> {
  const reading = new AbortController();
  const checkpointing = new AbortController();
  const stop = (): void => {
    onStopping();
    reading.abort();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  const reads = task.read(reading.signal);
  const bounded = options.mode === 'live' ? producing : producing.then(() => readToEnds(task, options.log));
  const checkpoints = coordinator.run(checkpointing.signal);
  try {
    await Promise.race([reads, failureOf(bounded), failureOf(checkpoints)]);
    reading.abort();
    await bounded;
    checkpointing.abort();
    await checkpoints;
    onStopping();
    const drained = options.mode === 'drain' && !options.signal.aborted;
    if (drained) task.endOfTime();
    await coordinator.checkpoint({ final: true, drained });
    return drained;
  } catch (thrown) {
    // Whatever still runs has to end before the log and the store are closed under it.
    task.fail(thrown);
    reading.abort();
    checkpointing.abort();
    await Promise.allSettled([reads, checkpoints]);
    throw thrown;
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
}

/** Rejects when `work` does, and never resolves: for a race in which only failures count. */
function failureOf(work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    work.catch(reject);
  });
}

/** Lets the readers stop at what is the end now. */
async function readToEnds(task: Task, log: LogClient): Promise<void> {
  for (const reader of task.readers) reader.readUntil(await log.offsets(reader.topic, 'latest'));
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
