/** Opens what a run stands on: the state directory, and the embedded log in it or a Kafka cluster beside it. */
import { systemClock } from '../time/clock.ts';
import type { KafkaPlace } from '../kafka/kafka-config.ts';
import type { LogClient } from '../log/log-client.ts';
import type { StateStore } from '../state/state-store.ts';

export interface Environment {
  readonly log: LogClient;
  readonly store: StateStore;
  close(): Promise<void>;
}

export interface EnvironmentOptions {
  /** Without it the embedded log of the state directory is used. */
  readonly kafka?: KafkaPlace | undefined;
  readonly stateDir: string;
}

/** The drivers are loaded when they are needed: Kafka's client costs a start some hundred milliseconds. */
export async function openEnvironment({ kafka, stateDir }: EnvironmentOptions): Promise<Environment> {
  const { openLmdbStore } = await import('../state/lmdb-store.ts');
  const log = kafka === undefined ? undefined : await connectLog(kafka);
  const store = openLmdbStore(stateDir);
  if (log !== undefined) return { log, store, close: () => closeAll(log, store) };
  const { EmbeddedLog } = await import('../log/embedded-log.ts');
  const embedded = new EmbeddedLog(store, systemClock);
  return { log: embedded, store, close: () => closeAll(embedded, store) };
}

/** Connects to Kafka, by the driver that was chosen. */
export async function connectLog(kafka: KafkaPlace): Promise<LogClient> {
  if (kafka.client === 'kafkajs') {
    const { connectKafkajs } = await import('../kafka/kafkajs/kafkajs-client.ts');
    return connectKafkajs({ ...kafka, clock: systemClock });
  }
  const { connectKafka } = await import('../kafka/kafka-client.ts');
  return connectKafka({ ...kafka, clock: systemClock });
}

async function closeAll(log: LogClient, store: StateStore): Promise<void> {
  await log.close();
  await store.close();
}
