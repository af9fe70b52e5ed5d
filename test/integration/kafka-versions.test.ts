/** Both drivers on the oldest and the newest Kafka that we promise; all other tests run on the version in between. */
import { afterAll, beforeAll, describe } from 'vitest';
import { kafkaAvailable, MissingTool, type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { kafkaClasspath } from '../../scripts/kafka/classpath.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { conformanceSuite } from '../log/conformance.ts';
import { openKafka, openKafkajs } from './kafka.ts';

const VERSIONS = ['3.9.1', '4.3.1'];
const DRIVERS: Record<string, (brokers: string) => Promise<LogClient>> = { millrace: openKafka, kafkajs: openKafkajs };

/** Why a broker of this version cannot be started, or nothing. Its classpath is fetched, where that was not done before. */
async function missingFor(version: string): Promise<string | undefined> {
  const { available, missing } = kafkaAvailable(version);
  if (!available) return missing;
  try {
    await kafkaClasspath(version, () => {});
    return undefined;
  } catch (thrown) {
    if (thrown instanceof MissingTool) return thrown.message;
    throw thrown;
  }
}

for (const version of VERSIONS) {
  const missing = await missingFor(version);
  if (missing !== undefined) process.stderr.write(`tests on Kafka ${version} are skipped: ${missing}\n`);

  describe.skipIf(missing !== undefined)(`Kafka ${version}`, () => {
    let broker: RunningBroker;
    beforeAll(async () => {
      broker = await startBroker({ version });
    });
    afterAll(() => broker.stop());

    for (const [driver, open] of Object.entries(DRIVERS)) {
      conformanceSuite(`Kafka ${version} through the driver ${driver}`, async () => {
        const client = await open(broker.bootstrap);
        return { client, close: () => client.close() };
      });
    }
  });
}
