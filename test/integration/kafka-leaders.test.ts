/** A cluster of two brokers, one of which dies: its partitions get another leader, and nothing is lost, repeated or out of order. */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newClusterId, type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { freePort } from '../../scripts/kafka/wire.ts';
import { batchOf, numbered, shown, shownBatch } from '../log/records.ts';
import { describeKafka, openKafka, uniqueName } from './kafka.ts';

const HOST = '127.0.0.1';
const PARTITIONS = 4;
const TOTAL = 6_000;
const PART = 50;

describeKafka('leaders that change', { timeout: 120_000 }, () => {
  let first: RunningBroker;
  let second: RunningBroker;

  beforeAll(async () => {
    const [clusterId, controllerPort, port] = [newClusterId(), await freePort(HOST), await freePort(HOST)];
    const quorum = { 'controller.quorum.voters': `1@${HOST}:${controllerPort}`, 'broker.session.timeout.ms': '3000' };
    first = await startBroker({
      clusterId,
      port,
      properties: { ...quorum, listeners: `PLAINTEXT://${HOST}:${port},CONTROLLER://${HOST}:${controllerPort}` },
    });
    const other = await freePort(HOST);
    second = await startBroker({
      clusterId,
      port: other,
      properties: { ...quorum, 'process.roles': 'broker', 'node.id': '2', listeners: `PLAINTEXT://${HOST}:${other}` },
    });
  }, 120_000);
  afterAll(async () => {
    await second?.stop();
    await first?.stop();
  });

  it('are found again by appends and fetches under way', async () => {
    const topic = uniqueName('leaders');
    const admin = new Kafka({ brokers: [first.bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 2 }],
    });
    const leadersNow = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return new Set(topics[0].partitions.map(({ leader }) => leader));
    };
    await expect.poll(leadersNow, { timeout: 20_000 }).toEqual(new Set([1, 2]));
    const client = await openKafka(first.bootstrap);
    const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
    const writing = (async () => {
      const appends: Promise<unknown>[] = [];
      for (let i = 0; i < TOTAL; i += PART) {
        if (i === TOTAL / 2) await second.kill();
        appends.push(
          client.append(places.map(({ partition }) => batchOf(topic, partition, numbered(TOTAL).slice(i, i + PART)))),
        );
        if (appends.length > 4) await appends.shift();
      }
      await Promise.all(appends);
    })();
    const found: unknown[][] = places.map(() => []);
    const positions = places.map((place) => ({ ...place, offset: 0 }));
    while (found.some((records) => records.length < TOTAL)) {
      for (const { partition, batch, nextOffset } of await client.fetch(positions, {
        maxBytes: 100_000,
        maxWaitMs: 500,
      })) {
        if (batch !== undefined) found[partition].push(...shownBatch(batch));
        positions[partition].offset = nextOffset;
      }
    }
    await writing;
    expect(await leadersNow()).toEqual(new Set([1]));
    for (const records of found) expect(records).toEqual(numbered(TOTAL).map(shown));
    await admin.disconnect();
    await client.close();
  });
});
