/** What every driver of Kafka must do against a real broker, beside other clients and when the broker dies. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { CompressionTypes, Kafka, logLevel, type Message } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBroker } from '../../scripts/kafka/broker.ts';
import { freePort } from '../../scripts/kafka/wire.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { conformanceSuite } from '../log/conformance.ts';
import { batchOf, numbered, readAll, shown, shownBatch, textsOf } from '../log/records.ts';
import { bootstrap, describeKafka, uniqueName } from './kafka.ts';

const WAIT = { maxBytes: 1024 * 1024, maxWaitMs: 500 } as const;
const OTHER_TOPIC_CONFIG = [{ name: 'message.timestamp.type', value: 'CreateTime' }];

function publicKafka(brokers = bootstrap): Kafka {
  return new Kafka({ brokers: [brokers], clientId: 'other', logLevel: logLevel.NOTHING });
}

export function kafkaDriverSuite(name: string, open: (brokers?: string) => Promise<LogClient>): void {
  describeKafka(name, () => {
    conformanceSuite(name, async () => {
      const client = await open();
      return { client, close: () => client.close() };
    });

    describe('beside other clients', () => {
      let client: LogClient;
      const other = publicKafka();
      const admin = other.admin();

      beforeAll(async () => {
        client = await open();
        await admin.connect();
      });

      afterAll(async () => {
        await admin.disconnect();
        await client.close();
      });

      async function newTopic(partitions = 1): Promise<string> {
        const topic = uniqueName('k');
        await client.createTopics([{ topic, partitions }]);
        return topic;
      }

      async function read(topic: string, from = 0): Promise<string[]> {
        const [end] = await client.offsets(topic, 'latest');
        return textsOf(await readAll(client, { topic, partition: 0 }, from, end));
      }

      it('reads what the public producer of kafkajs wrote, compressed or not, with its timestamps', async () => {
        const topic = uniqueName('k');
        await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries: OTHER_TOPIC_CONFIG }] });
        const producer = other.producer({ createPartitioner: () => () => 0 });
        await producer.connect();
        const messages = (name: string): Message[] =>
          Array.from({ length: 50 }, (_, i) => ({
            key: `${name}${i}`,
            value: null,
            timestamp: String(1_700_000_000_000 + i),
            headers: { h: [`${i}`, 'again'] },
          }));
        await producer.send({ topic, messages: messages('plain') });
        await producer.send({ topic, messages: messages('packed'), compression: CompressionTypes.GZIP });
        await producer.disconnect();
        const batches = await readAll(client, { topic, partition: 0 }, 25, 100);
        const records = batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => batch.record(row)));
        expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 75 }, (_, i) => i + 25));
        expect(records.map(({ key }) => String(key))).toEqual(
          [...messages('plain'), ...messages('packed')].slice(25).map(({ key }) => key),
        );
        const last = records.at(-1);
        expect(last).toMatchObject({ value: null, timestamp: 1_700_000_000_049, timestampType: 'create' });
        expect(last?.headers.map(({ key, value }) => [key, String(value)])).toEqual([
          ['h', '49'],
          ['h', 'again'],
        ]);
        expect(await client.topic(topic)).toMatchObject({ topic, partitions: 1, timestampType: 'create' });
      });

      it('keeps the order of headers whose names look like numbers', async () => {
        const topic = await newTopic();
        const names = ['b', '2', '__proto__', '1', 'a'];
        const headers = names.map((key) => ({ key, value: Buffer.from(key) }));
        await client.append([batchOf(topic, 0, [{ key: 'k', value: 'v', headers }])]);
        const [batch] = await readAll(client, { topic, partition: 0 }, 0, 1);
        expect(batch.headers(0).map(({ key, value }) => [key, String(value)])).toEqual(names.map((key) => [key, key]));
      });

      it('shows neither aborted records nor control records, and goes on behind them', async () => {
        const topic = await newTopic();
        const producers = await Promise.all(
          ['a', 'b', 'c'].map(async (name) => {
            const producer = other.producer({
              transactionalId: uniqueName(name),
              maxInFlightRequests: 1,
              createPartitioner: () => () => 0,
            });
            await producer.connect();
            return producer;
          }),
        );
        const send = (transaction: { send: (typeof producers)[0]['send'] }, value: string) =>
          transaction.send({ topic, messages: [{ key: Buffer.alloc(4), value }] });
        const [a, b, c] = await Promise.all(producers.map((producer) => producer.transaction()));
        await send(a, 'aborted 1');
        await send(b, 'aborted 2');
        await send(c, 'kept 1');
        await send(a, 'aborted 3');
        const [open] = await client.fetch([{ topic, partition: 0, offset: 0 }], { ...WAIT, maxWaitMs: 20 });
        expect(open).toMatchObject({ batch: undefined, nextOffset: 0, highWatermark: 4, lastStableOffset: 0 });
        expect(await client.offsets(topic, 'latest')).toEqual([0]);
        await a.abort();
        await send(b, 'aborted 4');
        await c.commit();
        const again = await producers[0].transaction();
        await send(again, 'kept 2');
        await b.abort();
        await again.commit();
        const last = await producers[2].transaction();
        await send(last, 'aborted 5');
        await last.abort();
        await Promise.all(producers.map((producer) => producer.disconnect()));
        // 5 aborted, 2 kept and 5 markers.
        await expect.poll(() => client.offsets(topic, 'latest')).toEqual([12]);
        expect(await read(topic)).toEqual(['kept 1', 'kept 2']);
        for (let offset = 0; offset <= 12; offset++) {
          const found = await read(topic, offset);
          expect(['kept 1', 'kept 2'].slice(2 - found.length)).toEqual(found);
        }
        const [end] = await client.fetch([{ topic, partition: 0, offset: 9 }], { ...WAIT, maxWaitMs: 20 });
        expect(end).toMatchObject({ batch: undefined, nextOffset: 12, highWatermark: 12, lastStableOffset: 12 });
      });

      it('refuses an offset whose record was deleted, and says where the log starts', async () => {
        const topic = await newTopic();
        await client.append([batchOf(topic, 0, numbered(10))]);
        // kafkajs finds the leader only once it has asked for the topic.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
        expect(await client.offsets(topic, 'earliest')).toEqual([6]);
        await expect(client.fetch([{ topic, partition: 0, offset: 5 }], WAIT)).rejects.toMatchObject({
          code: 'OFFSET_OUT_OF_RANGE',
          message: `${topic}[0] has offsets 6 to 10, not 5`,
          place: { topic, partition: 0, offset: 5 },
        });
        expect(await read(topic, 6)).toEqual(
          numbered(10)
            .slice(6)
            .map(({ value }) => value),
        );
      });

      it('lets other tools see the offsets of its group', async () => {
        const topic = await newTopic(2);
        await client.append([batchOf(topic, 1, numbered(10))]);
        const groupId = uniqueName('g');
        await client.commitGroup(groupId, [{ topic, partition: 1, offset: 4, metadata: 'checkpoint 7' }]);
        const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] });
        expect(partitions).toContainEqual({ partition: 1, offset: '4', metadata: 'checkpoint 7' });
        const { groups } = await admin.listGroups();
        expect(groups.map((group) => group.groupId)).toContain(groupId);
      });

      it('refuses to commit for a group in which a consumer is active', async () => {
        const topic = await newTopic();
        const groupId = uniqueName('g');
        const consumer = other.consumer({ groupId, maxWaitTimeInMs: 50 });
        await consumer.connect();
        await consumer.subscribe({ topic });
        const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
        await consumer.run({ eachMessage: async () => {} });
        await joined;
        const commit = client.commitGroup(groupId, [{ topic, partition: 0, offset: 0, metadata: '' }]);
        await expect(commit).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining(groupId),
        });
        await consumer.disconnect();
      });

      it('keeps the order of appends to one partition that are under way together', async () => {
        const topic = await newTopic();
        const parts = Array.from({ length: 30 }, (_, i) => numbered(150, `p${i}-`));
        await Promise.all(parts.map((part) => client.append([batchOf(topic, 0, part)])));
        expect(await read(topic)).toEqual(parts.flat().map(({ value }) => value));
      });

      it('refuses a record that is larger than the topic takes, and appends on', async () => {
        const topic = await newTopic();
        const large = [{ key: 'k', value: new Uint8Array(2_000_000) }];
        await expect(client.append([batchOf(topic, 0, large)])).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining('MESSAGE_TOO_LARGE'),
          place: { topic, partition: 0 },
        });
        expect(await client.append([batchOf(topic, 0, numbered(3))])).toEqual([0]);
      });

      it('refuses unknown topics and partitions at once when it appends', async () => {
        const topic = await newTopic();
        await expect(client.append([batchOf(uniqueName('none'), 0, numbered(1))])).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
        });
        await expect(client.append([batchOf(topic, 1, numbered(1))])).rejects.toMatchObject({
          code: 'CONFIG_INVALID',
          place: { topic, partition: 1 },
        });
        expect(await client.append([batchOf(topic, 0, [])])).toEqual([0]);
      });
    });

    describe('where nobody answers', () => {
      it('says so within seconds, with the address and what to do', async () => {
        const address = `127.0.0.1:${await freePort('127.0.0.1')}`;
        const started = performance.now();
        await expect(open(address)).rejects.toMatchObject({
          code: 'LOG_UNAVAILABLE',
          message: `could not connect: Kafka at ${address}: connection refused`,
          hint: `is a broker listening at ${address}? \`npm run kafka -- --port ${address.slice(10)}\` starts one`,
        });
        expect(performance.now() - started).toBeLessThan(10_000);
      });

      it('says so of something that is not Kafka', async () => {
        const server = createServer((socket) => socket.on('error', () => {}));
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as { readonly port: number };
        const started = performance.now();
        await expect(open(`127.0.0.1:${port}`)).rejects.toMatchObject({
          code: 'LOG_UNAVAILABLE',
          message: expect.stringContaining('no answer'),
        });
        expect(performance.now() - started).toBeLessThan(10_000);
        server.close();
      });

      it('refuses what is no address', async () => {
        for (const address of ['', 'localhost', 'kafka://localhost:9092', 'localhost:0', 'localhost:99999']) {
          await expect(open(address)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
        }
      });
    });

    describe('with a broker that is killed and comes back', () => {
      it('loses no append and no record, and keeps their order', { timeout: 120_000 }, async () => {
        const broker = await startBroker();
        try {
          const client = await open(broker.bootstrap);
          const topic = uniqueName('k');
          await client.createTopics([{ topic, partitions: 2 }]);
          const found: unknown[][] = [[], []];
          const total = 3_000;
          const writing = (async () => {
            for (let i = 0; i < total; i += 50) {
              const part = numbered(total).slice(i, i + 50);
              await client.append([batchOf(topic, 0, part), batchOf(topic, 1, part)]);
              if (i === 600) await broker.kill().then(() => void broker.restart());
              if (i === 1_800) await broker.kill('SIGTERM').then(() => void broker.restart());
            }
          })();
          const positions = [0, 1].map((partition) => ({ topic, partition, offset: 0 }));
          while (found.some((records) => records.length < total)) {
            for (const { partition, batch, nextOffset } of await client.fetch(positions, WAIT)) {
              if (batch !== undefined) found[partition].push(...shownBatch(batch));
              positions[partition].offset = nextOffset;
            }
          }
          await writing;
          expect(found[0]).toEqual(numbered(total).map(shown));
          expect(found[1]).toEqual(numbered(total).map(shown));
          await client.close();
        } finally {
          await broker.stop();
        }
        expect(() => readFileSync(broker.logFile)).toThrow(/ENOENT/);
      });
    });
  });
}
