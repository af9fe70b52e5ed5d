/** A producer whose Kafka is stopped, and that is killed itself: every generated order arrives, in order. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { readAll } from '../log/records.ts';
import { describeKafka, openKafka } from './kafka.ts';
import { type JsonEvent, MillraceProcess } from './millrace-process.ts';

const TOPIC = 'orders';
const WAIT = { timeout: 60_000, interval: 50 };

describeKafka('a producer of orders', { timeout: 180_000 }, () => {
  let broker: RunningBroker;
  let folder: string;
  const running: MillraceProcess[] = [];

  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.stop());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-spool-'));
  });
  afterEach(async () => {
    for (const each of running.splice(0)) {
      each.signal('SIGKILL');
      await each.code;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...flags: string[]): MillraceProcess {
    const place = ['--brokers', broker.bootstrap, '--data', folder, '--json'];
    const started = new MillraceProcess(['generate', 'orders', ...place, '--rate', '300', ...flags]);
    running.push(started);
    return started;
  }

  const told = ({ events }: MillraceProcess, kind: string): JsonEvent | undefined =>
    events.find(({ event }) => event === kind);

  /** Values that lie in the spool, oldest first. */
  function spooled(): string[] {
    const spool = join(folder, '.millrace/spool', TOPIC);
    const names = readdirSync(spool).filter((name) => name.endsWith('.jsonl'));
    const lines = names.flatMap((name) => readFileSync(join(spool, name), 'utf8').split('\n').slice(0, -1));
    return lines.map((line) => (JSON.parse(line) as { key: string }).key);
  }

  async function recordsInTopic(): Promise<number> {
    const client = await openKafka(broker.bootstrap);
    const ends = await client.offsets(TOPIC, 'latest').catch(() => []);
    await client.close();
    return ends.reduce((a, b) => a + b, 0);
  }

  /** The numbers of the orders in each partition, as they lie there. */
  async function numbers(): Promise<number[][]> {
    const client = await openKafka(broker.bootstrap);
    const ends = await client.offsets(TOPIC, 'latest');
    const partitions = ends.map(async (end, partition) => {
      const batches = await readAll(client, { topic: TOPIC, partition }, 0, end);
      return batches.flatMap((batch) => Array.from({ length: batch.length }, (_, row) => numberOf(batch.key(row))));
    });
    const found = await Promise.all(partitions);
    await client.close();
    return found;
  }

  it('starts without Kafka, and sends everything once and in order when it is there', async () => {
    await broker.kill();
    const producer = start();
    await expect.poll(() => told(producer, 'down'), WAIT).toMatchObject({ reason: expect.stringContaining('refused') });
    await expect.poll(() => spooled().length, WAIT).toBeGreaterThan(300);
    await broker.restart();
    await expect.poll(() => told(producer, 'drained'), WAIT).toBeDefined();
    producer.signal('SIGINT');
    expect(await producer.code).toBe(0);
    const end = told(producer, 'end') as JsonEvent & { generated: number };
    expect(end).toMatchObject({ sent: end.generated, buffered: 0, failed: 0 });
    const found = await numbers();
    expect(found.flat().toSorted(ascending)).toEqual(upTo(0, end.generated));
    for (const each of found) expect(each).toEqual(each.toSorted(ascending));
  });

  it('goes on while Kafka is stopped under it, and sends everything once and in order when it is back', async () => {
    const before = await recordsInTopic();
    const producer = start();
    await expect.poll(recordsInTopic, WAIT).toBeGreaterThan(before + 300);
    await broker.kill();
    await expect.poll(() => told(producer, 'down'), WAIT).toBeDefined();
    await expect.poll(() => spooled().length, WAIT).toBeGreaterThan(600);
    await broker.restart();
    await expect.poll(() => told(producer, 'drained'), WAIT).toBeDefined();
    const sent = await recordsInTopic();
    await expect.poll(recordsInTopic, WAIT).toBeGreaterThan(sent + 100);
    producer.signal('SIGTERM');
    expect(await producer.code).toBe(0);
    const end = told(producer, 'end') as JsonEvent & { generated: number };
    expect(end).toMatchObject({ sent: end.generated, buffered: 0, failed: 0 });
    const found = await numbers();
    expect(found.flat().toSorted(ascending)).toEqual(upTo(0, before + end.generated));
    for (const each of found) expect(each).toEqual(each.toSorted(ascending));
  });

  it('loses nothing when it is killed with a full spool, again and again', async () => {
    const before = await recordsInTopic();
    const first = start();
    await expect.poll(recordsInTopic, WAIT).toBeGreaterThan(before + 100);
    await broker.kill();
    await expect.poll(() => told(first, 'down'), WAIT).toBeDefined();
    await expect.poll(() => spooled().length, WAIT).toBeGreaterThan(200);
    first.signal('SIGKILL');
    await first.code;
    const left = spooled();
    const second = start();
    await expect.poll(() => told(second, 'leftover'), WAIT).toMatchObject({ buffered: left.length });
    await expect.poll(() => spooled().length, WAIT).toBeGreaterThan(left.length + 200);
    second.signal('SIGKILL');
    await second.code;
    const kept = spooled();
    expect(kept.slice(0, left.length)).toEqual(left);

    await broker.restart();
    const third = start('--events', '200');
    expect(await third.code).toBe(0);
    expect(told(third, 'end')).toMatchObject({ generated: 200, sent: kept.length + 200, buffered: 0, failed: 0 });
    const found = await numbers();
    const all = new Set(found.flat());
    // What was on its way when Kafka was killed may have arrived unseen, and come again.
    const last = numberOf(kept.at(-1)!);
    expect(upTo(0, last + 1).filter((number) => !all.has(number))).toEqual([]);
    expect([...all].filter((number) => number > last)).toHaveLength(200);
    for (const each of found) {
      const once = [...new Set(each)];
      expect(once).toEqual(once.toSorted(ascending));
    }
  });
});

/** `order-1-17` → 17 */
function numberOf(key: Uint8Array | string | null): number {
  return Number(String(key).split('-')[2]);
}

function upTo(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function ascending(a: number, b: number): number {
  return a - b;
}
