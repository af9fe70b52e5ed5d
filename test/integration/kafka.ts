/** The broker of this test run, for tests that need a real one. */
import { randomUUID } from 'node:crypto';
import { describe, inject } from 'vitest';
import { systemClock } from '../../src/time/clock.ts';
import { connectKafka, type KafkaClient } from '../../src/kafka/kafka-client.ts';
import type { KafkaConfig } from '../../src/kafka/kafka-config.ts';
import { connectKafkajs, type KafkajsClient } from '../../src/kafka/kafkajs/kafkajs-client.ts';

/** `host:port` of the shared broker; only within `describeKafka`. */
export const bootstrap: string = inject('kafkaBootstrap');

/** A `describe` that is skipped, and counted as skipped, where no broker can be started. */
export const describeKafka = inject('kafkaMissing') === '' ? describe : describe.skip;

export function openKafkajs(brokers = bootstrap): Promise<KafkajsClient> {
  return connectKafkajs({ brokers: [brokers], clientId: 'millrace-test', clock: systemClock });
}

/** A client of the default driver. */
export function openKafka(brokers = bootstrap, config: Partial<KafkaConfig> = {}): Promise<KafkaClient> {
  const plain = { tls: undefined, sasl: undefined, compression: 'none' } as const;
  return connectKafka({ ...plain, brokers: [brokers], clientId: 'millrace-test', clock: systemClock, ...config });
}

export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}
