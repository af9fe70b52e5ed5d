/** Runs a pipeline: checks, recovers, reads, checkpoints, stops. */
import { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { Coordinator } from '../checkpoint/coordinator.ts';
import { processProbe } from '../checkpoint/process-probe.ts';
import { MillraceError, messageOf } from '../core/errors.ts';
import type { Pipeline } from '../core/pipeline.ts';
import { planOf } from '../core/plan.ts';
import type { LogClient } from '../log/log-client.ts';
import { explained, type OnDataLoss, refuseReplaced, replacedTopics } from './data-loss.ts';
import { checkDelivery, type DeliveryOptions, deliveryOf } from './delivery.ts';
import { watchLog } from './log-watch.ts';
import { paramValues } from './params.ts';
import { DroppedStates } from './recover.ts';
import type { RunOptions, RunReport, RunStatus } from './run-options.ts';
import { openSession, type Session } from './session.ts';
import { watchStandstill } from './standstill.ts';
import { statusOf } from './status.ts';
import type { Task } from './task.ts';
import { taskIdOf } from './task-id.ts';

/** Failures after which a run may go on from the last decided epoch. */
const RECOVERABLE = new Set(['TRANSACTION_FAILED', 'TRANSACTION_TIMED_OUT', 'TOPIC_REPLACED', 'OFFSET_OUT_OF_RANGE']);
/** Failures that may only show that another process has taken over. */
const MAY_BE_OVERTAKEN = new Set(['CHECKPOINT_MISMATCH', 'STORE_FAILED']);
const MAX_RECOVERIES = 5;
/** A stop waits so long for a log that is away; the next start settles what was under way. */
const STOP_PATIENCE_MS = 6_000;

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
  const ended = new AbortController();
  const hurry = (): void => log.hurry?.(STOP_PATIENCE_MS);
  options.signal.addEventListener('abort', hurry, { once: true });
  void watchLog(log, clock, options.onNotice ?? (() => {}), ended.signal);
  try {
    onPoint('recovery-owned');
    const settling = { pipeline: pipeline.name, plan, delivery, group, log, store, clock, onPoint };
    return await runSessions(settling, about, options);
  } finally {
    ended.abort();
    options.signal.removeEventListener('abort', hurry);
    log.hurry?.(undefined);
    await store.disown().catch(() => {});
  }
}

/** Runs, and goes back to the last decided epoch where a failure allows it. */
async function runSessions(
  settling: Omit<DeliveryOptions, 'replaced' | 'hasTimedOut'>,
  about: About,
  options: RunOptions,
): Promise<RunReport> {
  const { plan, log, store } = settling;
  const onDataLoss: OnDataLoss = options.failOnDataLoss === false ? 'skip' : 'fail';
  const attempts = new Recoveries(onDataLoss);
  const dropped = new DroppedStates(options.dropState ?? []);
  let producer: Producer | undefined;
  try {
    for (;;) {
      let session: Session | undefined;
      try {
        const replaced = await replacedTopics(plan, log, store.load());
        if (onDataLoss === 'fail') refuseReplaced(replaced);
        session = await openSession(
          { ...settling, replaced, hasTimedOut: attempts.hasTimedOut },
          dropped,
          onDataLoss,
          options,
        );
        if (!session.isDrained) producer ??= startProducer(options);
        return await runSession(session, producer?.done ?? Promise.resolve(), about, store, options);
      } catch (thrown) {
        await session?.withdraw();
        const failure = await explained(orOvertaken(thrown, store), plan, log, store.load());
        if (options.signal.aborted || !attempts.allow(failure, session?.coordinator.made ?? 0)) throw failure;
        options.onNotice?.(`${messageOf(failure)}: goes back to the last checkpoint`);
      } finally {
        session?.task.close();
      }
    }
  } finally {
    await producer?.stop();
  }
}

/** Where another process has taken over, files are further than this run knows of, and what it knows of the store is gone. */
function orOvertaken(thrown: unknown, store: CheckpointStore): unknown {
  if (!(thrown instanceof MillraceError) || !MAY_BE_OVERTAKEN.has(thrown.code)) return thrown;
  try {
    store.checkOwned(thrown);
    return thrown;
  } catch (found) {
    return found instanceof MillraceError && found.code === 'OWNED_ELSEWHERE' ? found : thrown;
  }
}

/**
 * A transaction that failed is done again from the last epoch, and a topic that was made anew read from there, where that may
 * be; what fails again and again is not.
 */
class Recoveries {
  /** A transaction has taken too long. */
  hasTimedOut = false;
  private readonly codes: readonly string[];
  private inARow = 0;

  constructor(onDataLoss: OnDataLoss) {
    this.codes = ['TRANSACTION_FAILED', 'TRANSACTION_TIMED_OUT', ...(onDataLoss === 'skip' ? ['TOPIC_REPLACED'] : [])];
  }

  allow(thrown: unknown, checkpointsMade: number): boolean {
    this.inARow = checkpointsMade > 0 ? 1 : this.inARow + 1;
    if (!(thrown instanceof MillraceError)) return false;
    this.hasTimedOut ||= thrown.code === 'TRANSACTION_TIMED_OUT';
    return this.codes.includes(thrown.code) && this.inARow <= MAX_RECOVERIES;
  }
}

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
  const onStopping = (): void => {
    state.now = 'stopping';
  };
  const ended = new AbortController();
  void watchStandstill(status, clock, options.onNotice ?? (() => {}), ended.signal);
  try {
    const drained = isDrained || (await drive(task, coordinator, producing, options, onStopping));
    await store.settle(coordinator.epoch);
    state.now = 'stopped';
    return { status: status(), drained, checkpoints: coordinator.made, durationMs: clock.now() - about.startedAt };
  } finally {
    ended.abort();
  }
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
    const mayGoOn = thrown instanceof MillraceError && RECOVERABLE.has(thrown.code);
    if (!mayGoOn) options.log.hurry?.(STOP_PATIENCE_MS);
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
