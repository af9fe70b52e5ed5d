/** Opens what a run stands on: the state directory, and the embedded log in it or a Kafka cluster beside it. */
import { systemClock } from '../time/clock.ts';
import type { LogClient } from '../log/log-client.ts';
import type { StateStore } from '../state/state-store.ts';

export interface Environment {
  readonly log: LogClient;
  readonly store: StateStore;
  close(): Promise<void>;
}

export interface EnvironmentOptions {
  /** `host:port`, comma-separated; without it the embedded log of the state directory is used. */
  readonly brokers?: string | undefined;
  readonly stateDir: string;
}

/** The drivers are loaded when they are needed: Kafka's client costs a start some hundred milliseconds. */
export async function openEnvironment({ brokers, stateDir }: EnvironmentOptions): Promise<Environment> {
  const { openLmdbStore } = await import('../state/lmdb-store.ts');
  const log = brokers === undefined ? undefined : await connectLog(brokers);
  const store = openLmdbStore(stateDir);
  if (log !== undefined) return { log, store, close: () => closeAll(log, store) };
  const { EmbeddedLog } = await import('../log/embedded-log.ts');
  const embedded = new EmbeddedLog(store, systemClock);
  return { log: embedded, store, close: () => closeAll(embedded, store) };
}

/** Connects to Kafka. */
export async function connectLog(brokers: string): Promise<LogClient> {
  const { connectKafka } = await import('../kafka/kafka-client.ts');
  const addresses = brokers.split(',').map((broker) => broker.trim());
  const plain = { tls: undefined, sasl: undefined, compression: 'none' } as const;
  return connectKafka({ ...plain, brokers: addresses, clientId: 'millrace', clock: systemClock });
}

async function closeAll(log: LogClient, store: StateStore): Promise<void> {
  await log.close();
  await store.close();
}
