/** Opens what a producer stands on: a log, a way into it, and a queue in front. */
import { resolve } from 'node:path';
import { env } from 'node:process';
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { readText } from '../files/read-text.ts';
import { kafkaConfig, type KafkaPlace } from '../kafka/kafka-config.ts';
import type { LogClient, TopicSpec } from '../log/log-client.ts';
import { connectLog, openEnvironment } from '../runtime/environment.ts';
import { openSpoolFolder } from '../runtime/spool-folder.ts';
import { ForwardingProducer } from '../spool/forwarding-producer.ts';
import { systemClock } from '../time/clock.ts';
import { Deliveries } from './deliveries.ts';
import type { ProducerOptions, ProducerSpool } from './producer-options.ts';
import { RecordQueue, type Sender } from './record-queue.ts';
import { DirectSender, SpoolingSender } from './senders.ts';

export interface OpenProducer {
  readonly log: LogClient;
  readonly clock: Clock;
  readonly queue: RecordQueue;
  /** Topics to make where they are missing: whoever sends adds to it. */
  readonly create: TopicSpec[];
  /** It was opened for this producer, and ends with it. */
  readonly ownsLog: boolean;
  /** Behind the queue's own `close`. */
  close(): Promise<void>;
}

/** What queue and way share. */
interface Shared {
  readonly clock: Clock;
  readonly create: readonly TopicSpec[];
  readonly deliveries: Deliveries;
}

type Place = Pick<OpenProducer, 'log' | 'close'> & { readonly sender: Sender };

const LINGER_MS = 10;
const DELIVERY_MS = 120_000;
export const BUFFERED_BYTES = 33_554_432;
export const CLOSE_MS = 10_000;
const SPOOL_BYTES = 1_073_741_824;

export async function open(options: ProducerOptions): Promise<OpenProducer> {
  const { clock = systemClock, lingerMs = LINGER_MS, maxBufferedBytes = BUFFERED_BYTES } = options;
  requireNumber('lingerMs', lingerMs, 0);
  requireNumber('maxBufferedBytes', maxBufferedBytes, 1);
  requireNumber('deliveryTimeoutMs', options.deliveryTimeoutMs ?? DELIVERY_MS, 1);
  requireNumber('transactionTimeoutMs', options.transactionTimeoutMs ?? 1, 1);
  const create: TopicSpec[] = [];
  const deliveries = new Deliveries(options.onDelivery);
  const { log, sender, close } = await openPlace(options, { clock, create, deliveries });
  const queue = new RecordQueue({ sender, clock, lingerMs, maxBytes: maxBufferedBytes, deliveries });
  return { log, clock, queue, create, ownsLog: options.log === undefined, close };
}

/** Lets what is under way arrive, trying what fails for `timeoutMs` only, and lets go of log and spool. */
export async function closeProducer(opened: OpenProducer, timeoutMs: number, before?: Promise<void>): Promise<void> {
  if (opened.ownsLog) opened.log.hurry?.(timeoutMs);
  const drained = opened.queue.close();
  try {
    await Promise.allSettled([before, drained]);
    await drained;
  } finally {
    await opened.close();
  }
}

async function openPlace(options: ProducerOptions, shared: Shared): Promise<Place> {
  const kafka = options.log === undefined ? kafkaOf(options) : undefined;
  if (options.spool !== undefined) {
    if (kafka === undefined || kafka.client === 'kafkajs' || options.transactionalId !== undefined) {
      const hint = 'name brokers and no transactionalId, or leave spool out';
      throw new MillraceError('CONFIG_INVALID', 'a spool stands in front of Kafka, outside of transactions', { hint });
    }
    if (!shared.deliveries.isWatched) {
      const hint = 'add onDelivery: it is told when a topic does not take a record that send() has seen buffered';
      throw new MillraceError('CONFIG_INVALID', 'a spool without onDelivery would lose such records unseen', { hint });
    }
    return openSpooling(options.spool, kafka, shared);
  }
  const { log, close } = await openLog(options, kafka, shared.clock);
  return { log, sender: new DirectSender(log, shared.create), close };
}

function kafkaOf({ brokers, compression }: ProducerOptions): KafkaPlace | undefined {
  const environment = { variables: env, readFile: readText };
  const kafka = kafkaConfig({ brokers }, environment);
  return kafka === undefined || compression === undefined ? kafka : kafkaConfig({ brokers, compression }, environment);
}

async function openLog(
  options: ProducerOptions,
  kafka: KafkaPlace | undefined,
  clock: Clock,
): Promise<{ readonly log: LogClient; close(): Promise<void> }> {
  if (options.log !== undefined) return { log: options.log, close: async () => {} };
  if (kafka === undefined) {
    const environment = await openEnvironment({ stateDir: resolve(options.stateDir ?? '.millrace') });
    return { log: environment.log, close: () => environment.close() };
  }
  if (kafka.client === 'kafkajs') {
    const log = await connectLog(kafka);
    return { log, close: () => log.close() };
  }
  const { connectKafka } = await import('../kafka/kafka-client.ts');
  const log = await connectKafka({ ...kafka, clock, patienceMs: options.deliveryTimeoutMs ?? DELIVERY_MS });
  return { log, close: () => log.close() };
}

async function openSpooling(
  settings: ProducerSpool,
  kafka: KafkaPlace,
  { clock, create, deliveries }: Shared,
): Promise<Place> {
  const { maxBytes = SPOOL_BYTES, whenFull = 'block', onEvent } = settings;
  requireNumber('spool.maxBytes', maxBytes, 1);
  const folder = resolve(settings.folder);
  const { spool, release } = await openSpoolFolder({ folder, maxBytes, brokers: kafka.brokers, clock });
  const { KafkaClient } = await import('../kafka/kafka-client.ts');
  // The spool is patient: a record in it is tried until it has arrived.
  const log = new KafkaClient({ ...kafka, clock, patienceMs: Number.POSITIVE_INFINITY });
  const forwarding = new ForwardingProducer({
    log,
    spool,
    clock,
    create,
    whenFull,
    onEvent,
    onDelivery: (report) => deliveries.tell(report, undefined),
  });
  forwarding.start();
  const close = async (): Promise<void> => {
    await log.close();
    await release();
  };
  return { log, sender: new SpoolingSender(forwarding), close };
}

function requireNumber(name: string, value: number, min: number): void {
  if (Number.isFinite(value) && value >= min) return;
  throw new MillraceError('CONFIG_INVALID', `a producer's ${name} is ${value}`, { hint: `write a number from ${min}` });
}
