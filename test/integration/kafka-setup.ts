/** One broker for all integration tests of a run; where none can be started, one line says why and the tests skip. */
import type { TestProject } from 'vitest/node';
import { kafkaAvailable, startBroker } from '../../scripts/kafka/broker.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** `host:port` of a broker, or empty. */
    kafkaBootstrap: string;
    /** Why there is none. */
    kafkaMissing: string;
  }
}

// Vitest takes a set-up by its default export or by this name.
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const running = process.env.MILLRACE_TEST_KAFKA ?? '';
  const { available, missing } = running === '' ? kafkaAvailable() : { available: true, missing: '' };
  project.provide('kafkaMissing', missing);
  if (!available) console.log(`tests against Kafka are skipped: ${missing}`);
  if (!available || running !== '') {
    project.provide('kafkaBootstrap', running);
    return undefined;
  }
  const broker = await startBroker({ progress: console.log });
  project.provide('kafkaBootstrap', broker.bootstrap);
  return () => broker.stop();
}
