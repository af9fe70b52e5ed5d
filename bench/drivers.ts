/** Millrace's own drivers by name. */
import type { LogClient } from '../src/log/log-client.ts';
import { systemClock } from '../src/time/clock.ts';

/** Each is loaded where it is used: memory and start of one are not those of the other. */
export async function connectDriver(name: string, address: string): Promise<LogClient> {
  const place = { brokers: [address], clientId: 'millrace-bench', clock: systemClock };
  if (name === 'kafkajs') {
    const { connectKafkajs } = await import('../src/kafka/kafkajs/kafkajs-client.ts');
    return connectKafkajs(place);
  }
  if (name !== 'fast') throw new Error(`there is no driver '${name}'`);
  const { connectKafka } = await import('../src/kafka/kafka-client.ts');
  return connectKafka({ ...place, tls: undefined, sasl: undefined, compression: 'none' });
}
