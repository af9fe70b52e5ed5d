/** Millrace's own drivers by name. */
import type { LogClient } from '../src/log/log-client.ts';
import { systemClock } from '../src/time/clock.ts';

export async function connectDriver(name: string, brokers: string): Promise<LogClient> {
  const { connectKafkajs } = await import('../src/kafka/kafkajs/kafkajs-client.ts');
  if (name !== 'kafkajs') throw new Error(`there is no driver '${name}'`);
  return connectKafkajs({ brokers: [brokers], clientId: 'millrace-bench', clock: systemClock });
}
