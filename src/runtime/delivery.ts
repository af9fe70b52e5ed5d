/** What a run promises of its outputs, and how its epochs are decided to keep the promise. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import { type EpochCommit, StoreCommit, TransactionCommit } from '../checkpoint/epoch-commit.ts';
import type { ProtocolPoint } from '../checkpoint/protocol.ts';
import { assertSameOffsets, epochMetadata, reconcile, refuseOlder } from '../checkpoint/reconcile.ts';
import { MillraceError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock } from '../core/ports.ts';
import type { GroupOffset, LogClient, LogTransactions } from '../log/log-client.ts';
import type { Delivery } from './run-options.ts';
import { refuseForeignGroup } from './start-positions.ts';
import { formerIdsOf, transactionalIdOf } from './transactional-id.ts';

/**
 * A transaction lasts from the first batch that is sent to the decision: milliseconds behind the barrier, the time between two
 * checkpoints where batches are sent ahead, or as long as a broker is away in between.
 */
export const TRANSACTION_MS = 60_000;

export interface DeliveryOptions {
  /** The pipeline's name. */
  readonly pipeline: string;
  readonly plan: Plan;
  readonly delivery: Delivery;
  readonly group: string;
  /** Topics that are not those any more which the checkpoint has read from; what the group knows of them is void. */
  readonly replaced: ReadonlyMap<string, string>;
  /** A transaction of this run has taken too long: its next ones begin as late as they can. */
  readonly hasTimedOut: boolean;
  readonly log: LogClient;
  readonly store: CheckpointStore;
  readonly clock: Clock;
  readonly onPoint: (point: ProtocolPoint) => void;
}

export function deliveryOf(log: LogClient, asked: Delivery | undefined): Delivery {
  if (log.transactional !== undefined || log.transactions !== undefined) return asked ?? 'exactly-once';
  if (asked === 'exactly-once') {
    throw new MillraceError('CONFIG_INVALID', `delivery exactly-once is not to be had from ${log.description}`, {
      hint: 'leave --client out, or leave --delivery out (at-least-once: exact after a stop, may repeat outputs after a kill)',
    });
  }
  return 'at-least-once';
}

export function checkDelivery(plan: Plan, delivery: Delivery): void {
  const unsafe = plan.nodes.find(({ node }) => node.requires?.replayable === false);
  if (delivery === 'exactly-once' && unsafe !== undefined) {
    throw new MillraceError('PLAN_INVALID', `${unsafe.id} keeps memory that a checkpoint cannot hold`, {
      place: { operator: unsafe.id },
      hint: 'say { stateless: true } where it remembers nothing, or run with --delivery at-least-once',
    });
  }
}

/**
 * Where a transaction of the log decides: takes the group over from whoever had it before, and makes the store say what the
 * log has decided. In this order: offsets that are read before the fence could still change. What ran under another id, as versions
 * before this one did, is fenced first.
 * @throws MillraceError CHECKPOINT_MISMATCH when log and store cannot be of one pipeline
 */
export async function settleWithLog(options: DeliveryOptions): Promise<LogTransactions | undefined> {
  const { pipeline, plan, delivery, group, replaced, log, store, onPoint } = options;
  const isDeciding = delivery === 'exactly-once' && log.transactional === undefined;
  if (!isDeciding && store.pending() === undefined) return undefined;
  if (log.transactions === undefined) {
    throw new MillraceError('CONFIG_INVALID', `${log.description} cannot tell whether the last epoch was decided`, {
      hint: 'run once without --client, and stop it with Ctrl-C',
    });
  }
  const topics = new Map(sourcesOf(plan).map(({ id, node }) => [id, node.name!]));
  await refuseStranger(options, [...topics.values()]);
  const id = transactionalIdOf(pipeline, group);
  for (const former of formerIdsOf([store.load(), store.pending()], id, group)) {
    await log.transactions(former, TRANSACTION_MS).init();
  }
  const transactions = log.transactions(id, TRANSACTION_MS);
  await transactions.init();
  onPoint('recovery-fenced');
  const current = store.load();
  if (current !== undefined) {
    const decided = await log.groupOffsets(group, [...topics.values()]);
    const pending = store.pending();
    // A broker forgets a group's offsets with their topic. Whether an epoch was decided that was read from it, nobody knows.
    const isForgotten = decided.length === 0 && replaced.size > 0;
    const verdict = isForgotten ? pending && 'drop' : reconcile({ group, current, pending, decided });
    if (verdict === 'finish') await store.finish();
    if (verdict === 'drop') await store.drop();
    const kept = decided.filter(({ topic }) => !replaced.has(topic));
    assertSameOffsets(group, store.load()!, kept, (source) => topics.get(source) ?? '');
  }
  onPoint('recovery-reconciled');
  return isDeciding ? transactions : undefined;
}

/**
 * Who cannot go on from the group must not fence the one who can. What the log holds for certain, not waiting for what is under
 * way, is enough to tell: a group never goes back.
 */
async function refuseStranger({ log, store, group }: DeliveryOptions, topics: readonly string[]): Promise<void> {
  const current = store.load();
  if (current === undefined) return refuseForeignGroup(log, group, topics, { settled: false });
  const decided = await log.groupOffsets(group, topics, { settled: false });
  refuseOlder({ group, current, pending: store.pending(), decided });
}

/** `epoch`: the last one that was decided. */
export function epochCommitOf(
  options: DeliveryOptions,
  transactions: LogTransactions | undefined,
  epoch: number,
): EpochCommit {
  const { pipeline, plan, group, log, store, clock, onPoint } = options;
  if (transactions === undefined) {
    return new StoreCommit(store, (transaction, batches) => log.transactional?.append(transaction, batches), onPoint);
  }
  const offsetsOf = (checkpoint: Checkpoint) => groupOffsetsOf(plan, checkpoint);
  const transactionalId = transactionalIdOf(pipeline, group);
  const own = { transactions, transactionalId, timeoutMs: TRANSACTION_MS };
  return new TransactionCommit({ store, ...own, epoch, group, offsetsOf, clock, onPoint });
}

/** Tells readers of this process; and, where the store decides, whoever watches the group on Kafka. */
export async function tellOthers(options: DeliveryOptions, checkpoint: Checkpoint): Promise<void> {
  const { plan, group, log } = options;
  log.transactional?.notify();
  if (log.kind === 'embedded' || checkpoint.decidedBy === 'transaction') return;
  await log.commitGroup(group, groupOffsetsOf(plan, checkpoint));
}

function groupOffsetsOf(plan: Plan, checkpoint: Checkpoint): GroupOffset[] {
  const metadata = epochMetadata(checkpoint);
  return sourcesOf(plan).flatMap(({ id, node }) =>
    checkpoint.offsets[id].map((offset, partition) => ({ topic: node.name!, partition, offset, metadata })),
  );
}

function sourcesOf(plan: Plan): Plan['nodes'] {
  return plan.nodes.filter(({ node }) => node.role === 'source');
}
