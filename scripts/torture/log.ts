/** The log that is written to and compared with, from outside the process that is killed. */
import { connectKafka } from '../../src/kafka/kafka-client.ts';
import { EmbeddedLog } from '../../src/log/embedded-log.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { openLmdbStore } from '../../src/state/lmdb-store.ts';
import { systemClock } from '../../src/time/clock.ts';

export async function openLog(
  brokers: string | undefined,
  stateDir: string,
): Promise<{ readonly log: LogClient; close(): Promise<void> }> {
  if (brokers !== undefined) {
    const plain = { tls: undefined, sasl: undefined, compression: 'none' } as const;
    const log = await connectKafka({ ...plain, brokers: brokers.split(','), clientId: 'torture', clock: systemClock });
    return { log, close: () => log.close() };
  }
  const store = openLmdbStore(stateDir);
  const log = new EmbeddedLog(store, systemClock);
  return {
    log,
    close: async () => {
      await log.close();
      await store.close();
    },
  };
}
