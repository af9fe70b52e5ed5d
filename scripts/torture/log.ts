/** The log and the state, seen from outside the process that is killed: written to, and compared with. */
import { connectKafka } from '../../src/kafka/kafka-client.ts';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { systemClock } from '../../src/time/clock.ts';

export interface OpenLog {
  readonly log: LogClient;
  readonly store: StateStore;
  close(): Promise<void>;
}

export async function openLog(brokers: string | undefined, stateDir: string): Promise<OpenLog> {
  const store = openLmdbStore(stateDir);
  const log = brokers === undefined ? new EmbeddedLog(store, systemClock) : await connected(brokers);
  return {
    log,
    store,
    close: async () => {
      await log.close();
      await store.close();
    },
  };
}

function connected(brokers: string): Promise<LogClient> {
  const plain = { tls: undefined, sasl: undefined, compression: 'none' } as const;
  return connectKafka({ ...plain, brokers: brokers.split(','), clientId: 'torture', clock: systemClock });
}
