/** Records that are gone from a real broker before they were read: by retention, with their topic, before a start and under a run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kafka, pipeline } from 'millrace';
import { map, sinkKafka } from 'millrace/operators';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import { nodeDisk } from '../../src/files/node-disk.ts';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { run } from '../../src/runtime/run.ts';
import type { RunningPipeline, RunOptions, RunReport } from '../../src/runtime/run-options.ts';
import { memoryStore } from '../../src/state/memory-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import { bootstrap, describeKafka, openKafka, uniqueName } from './kafka.ts';
import { MillraceProcess } from './millrace-process.ts';

describeKafka('records that are gone before they were read', () => {
  /** What the command line's test leaves behind, and other tests of the orders pipeline must not find. */
  const ORDERS_TOPICS = ['orders', 'processed-orders', 'product-metrics', 'orders-dlq', 'orders-late'];
  const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
  let client: KafkaClient;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-loss-'));
    client = await openKafka();
    await admin.connect();
  });
  afterAll(async () => {
    const topics = await admin.listTopics();
    await admin.deleteTopics({ topics: ORDERS_TOPICS.filter((topic) => topics.includes(topic)) });
    await admin.disconnect();
    await client?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A pipeline that copies numbers, on topics of its own, with the state of all its runs. */
  class Copies {
    readonly from = uniqueName('numbers');
    readonly to = uniqueName('copies');
    readonly notices: string[] = [];
    private readonly store = memoryStore();
    private next = 0;

    async create(partitions = 1): Promise<void> {
      await client.createTopics([{ topic: this.from, partitions }]);
    }

    /** Appends the next numbers. */
    async feed(count: number): Promise<void> {
      const builder = new RecordBatchBuilder(this.from, 0);
      for (let i = 0; i < count; i++) builder.add(null, String(this.next++), Date.now());
      await client.append([builder.finish()]);
    }

    run(options: Partial<RunOptions> = {}): Promise<RunReport> {
      const numbers = kafka(this.from, { partitions: 1 }).pipe(
        map(({ value }) => Number(Buffer.from(value!).toString())),
        sinkKafka(this.to, { partitions: 1 }),
      );
      return run(pipeline(this.to, numbers), {
        log: client,
        store: this.store,
        clock: systemClock,
        disk: nodeDisk,
        outputDir: folder,
        mode: 'once',
        signal: new AbortController().signal,
        onNotice: (notice) => this.notices.push(notice),
        ...options,
      });
    }

    /** Starts it, lets `meanwhile` happen, and stops it. */
    async during(options: Partial<RunOptions>, meanwhile: () => Promise<void>): Promise<RunReport> {
      const stopping = new AbortController();
      let ending!: Promise<RunReport>;
      const started = new Promise<RunningPipeline>((onStart) => {
        ending = this.run({ ...options, mode: 'live', signal: stopping.signal, onStart });
      });
      await Promise.race([started, ending]);
      await Promise.race([meanwhile(), ending]);
      stopping.abort();
      return ending;
    }

    async copied(): Promise<number[]> {
      const [end] = await client.offsets(this.to, 'latest');
      const numbers: number[] = [];
      for (let offset = 0; offset < end; ) {
        const [answer] = await client.fetch([{ topic: this.to, partition: 0, offset }], {
          maxBytes: 1e6,
          maxWaitMs: 0,
        });
        const { batch, nextOffset } = answer;
        for (let row = 0; row < (batch?.length ?? 0); row++) {
          numbers.push(Number(Buffer.from(batch!.record(row).value!).toString()));
        }
        offset = nextOffset;
      }
      return numbers;
    }

    async waitFor(count: number): Promise<void> {
      await expect.poll(async () => (await this.copied()).length, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
    }

    /** What retention does. */
    async deleteBefore(offset: number): Promise<void> {
      // kafkajs finds the leader only once it has asked for the topic.
      await admin.fetchTopicOffsets(this.from);
      await admin.deleteTopicRecords({ topic: this.from, partitions: [{ partition: 0, offset: String(offset) }] });
    }

    async deleteTopic(): Promise<void> {
      await admin.deleteTopics({ topics: [this.from] });
    }
  }

  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  /** A commit is answered before its marker is in every partition: readers of what is committed see it a little later. */
  async function expectCopies(copies: Copies, numbers: readonly number[]): Promise<void> {
    await expect.poll(() => copies.copied(), { timeout: 20_000 }).toEqual(numbers);
  }

  async function copiesOf(count: number): Promise<Copies> {
    const copies = new Copies();
    await copies.create();
    await copies.feed(count);
    await copies.run();
    return copies;
  }

  it('stop the next start, with the choice to make', async () => {
    const copies = await copiesOf(10);
    await copies.feed(10);
    await copies.deleteBefore(15);
    await expect(copies.run()).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      message: 'offset 10 comes next, but records 10 to 14 have been deleted from the log before they were processed',
      place: { topic: copies.from, partition: 0, offset: 10 },
      hint: expect.stringContaining('--fail-on-data-loss false'),
    });
    await expectCopies(copies, range(0, 10));
  });

  it('are skipped and counted where that was chosen, over restarts', async () => {
    const copies = await copiesOf(10);
    await copies.feed(10);
    await copies.deleteBefore(15);
    const { status } = await copies.run({ failOnDataLoss: false });
    expect(status).toMatchObject({ lost: 5, partitions: [{ lost: 5, position: 20 }] });
    expect(copies.notices.join()).toContain(`goes on at offset 15 of ${copies.from}[0], not at 10; records lost: 5`);
    await copies.feed(5);
    await copies.deleteBefore(22);
    expect((await copies.run({ failOnDataLoss: false })).status.lost).toBe(7);
    // Nothing more is lost: the choice is not needed any more, and the count stays.
    expect((await copies.run()).status.lost).toBe(7);
    await expectCopies(copies, [...range(0, 10), ...range(15, 20), ...range(22, 25)]);
  });

  /** Records are deleted while a run is about to ask for them. */
  async function deletedAhead(copies: Copies, options: Partial<RunOptions>): Promise<RunReport> {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const slow: KafkaClient = Object.create(client, {
      fetch: {
        value: async (...args: Parameters<KafkaClient['fetch']>) => {
          await gate;
          return client.fetch(...args);
        },
      },
    });
    return copies.during({ ...options, log: slow }, async () => {
      await copies.feed(10);
      await copies.deleteBefore(15);
      open();
      await copies.waitFor(15);
    });
  }

  it('stop a run that comes to them', async () => {
    const copies = await copiesOf(10);
    await expect(deletedAhead(copies, {})).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      place: { topic: copies.from, partition: 0, offset: 10 },
      hint: expect.stringContaining('--fail-on-data-loss false'),
    });
  });

  it('are skipped and counted by a run that comes to them, where that was chosen', async () => {
    const copies = await copiesOf(10);
    const { status } = await deletedAhead(copies, { failOnDataLoss: false });
    expect(status).toMatchObject({ lost: 5, partitions: [{ position: 20, lost: 5 }] });
    await expectCopies(copies, [...range(0, 10), ...range(15, 20)]);
    expect((await copies.run()).status.lost).toBe(5);
  });

  it('stop the next start when the topic was deleted, before it is made anew', async () => {
    const copies = await copiesOf(10);
    await copies.deleteTopic();
    await expect(copies.run()).rejects.toMatchObject({
      code: 'TOPIC_REPLACED',
      message: `topic ${copies.from} was deleted; what was not read from it is gone`,
      hint: expect.stringContaining('--fail-on-data-loss false'),
    });
    expect(await client.topic(copies.from)).toBeUndefined();
  });

  it('stop the next start when the topic was created anew, though it holds the offset', async () => {
    const copies = await copiesOf(10);
    await copies.deleteTopic();
    await copies.create();
    await copies.feed(20);
    await expect(copies.run()).rejects.toMatchObject({
      code: 'TOPIC_REPLACED',
      message: expect.stringContaining('deleted and created anew'),
    });
    const { status } = await copies.run({ failOnDataLoss: false });
    expect(status.partitions).toMatchObject([{ position: 20 }]);
    await expectCopies(copies, range(0, 30));
    await copies.feed(5);
    await copies.run();
    await expectCopies(copies, range(0, 35));
  });

  it('stop a run whose topic is deleted and created anew under it, with the choice to make', async () => {
    const copies = await copiesOf(10);
    const under = copies.during({}, async () => {
      await copies.deleteTopic();
      await copies.create();
      await copies.feed(5);
      await copies.waitFor(15);
    });
    await expect(under).rejects.toMatchObject({ code: 'TOPIC_REPLACED', place: { topic: copies.from } });
    await expectCopies(copies, range(0, 10));
  });

  it('stop a run whose topic is deleted under it', async () => {
    const copies = await copiesOf(10);
    const under = copies.during({}, async () => {
      await copies.deleteTopic();
      await copies.waitFor(11);
    });
    await expect(under).rejects.toMatchObject({
      code: 'TOPIC_REPLACED',
      message: expect.stringContaining('was deleted'),
    });
  });

  it('let a run go on with the new topic where that was chosen', async () => {
    const copies = await copiesOf(10);
    const report = await copies.during({ failOnDataLoss: false }, async () => {
      await copies.feed(5);
      await copies.waitFor(15);
      await copies.deleteTopic();
      await copies.create();
      await copies.feed(7);
      await copies.waitFor(22);
    });
    await expectCopies(copies, range(0, 22));
    expect(report.status.partitions).toMatchObject([{ position: 7, lost: 0 }]);
  });

  it('are told by the command line: the choice, what was skipped, and how much', async () => {
    const flags = [
      'orders',
      '--brokers',
      bootstrap,
      '--data',
      folder,
      '--json',
      '--once',
      '--group',
      uniqueName('loss'),
    ];
    const first = new MillraceProcess([...flags, '--generate', '1000', '--events', '300']);
    expect(await first.code).toBe(0);
    const more = new MillraceProcess([
      'generate',
      'orders',
      '--brokers',
      bootstrap,
      '--data',
      folder,
      '--rate',
      '1000',
      '--events',
      '300',
    ]);
    expect(await more.code).toBe(0);
    const ends = await client.offsets('orders', 'latest');
    await admin.fetchTopicOffsets('orders');
    const cuts = ends.map((end, partition) => ({ partition, offset: String(end - 10) }));
    await admin.deleteTopicRecords({ topic: 'orders', partitions: cuts });
    const refused = new MillraceProcess(flags);
    expect(await refused.code).toBe(1);
    expect(refused.events.at(-1)).toMatchObject({ event: 'error', code: 'OFFSET_OUT_OF_RANGE' });
    const skipping = new MillraceProcess(flags, { ...process.env, FAIL_ON_DATA_LOSS: 'false' });
    expect(await skipping.code).toBe(0);
    expect(skipping.hasSaid('data loss: goes on at offset')).toBe(true);
    expect(skipping.events.at(-1)).toMatchObject({ event: 'end', status: { lost: 300 - 30 } });
  });
});
