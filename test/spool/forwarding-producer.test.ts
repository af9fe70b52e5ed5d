import { describe, expect, it } from 'vitest';
import type { ForwardingEvent, ForwardingOptions } from '../../src/spool/forwarding.ts';
import { ForwardingProducer } from '../../src/spool/forwarding-producer.ts';
import type { DeliveryReport, OutgoingRecord } from '../../src/spool/outgoing.ts';
import { Spool } from '../../src/spool/spool.ts';
import { CrashDisk } from '../../src/testing/crash-disk.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { FlakyLog, TOPIC, turn } from './flaky-log.ts';

const PATIENCE_MS = 2_000;

async function world(options: Partial<ForwardingOptions> & { maxBytes?: number; disk?: CrashDisk } = {}) {
  const disk = options.disk ?? new CrashDisk();
  const clock = new ManualClock(0);
  const log = new FlakyLog();
  const events: ForwardingEvent[] = [];
  const deliveries: DeliveryReport[] = [];
  const maxBytes = options.maxBytes ?? 100_000;
  const spool = await Spool.open({ disk, folder: '/spool', maxBytes, segmentBytes: 500 });
  const producer = new ForwardingProducer({
    log: log.client(),
    spool,
    clock,
    create: [{ topic: TOPIC, partitions: 3 }],
    patienceMs: PATIENCE_MS,
    onEvent: (event) => events.push(event),
    onDelivery: (report) => deliveries.push(report),
    ...options,
  });
  /** Time passes, and everything that it brings about happens. */
  const pass = async (ms: number): Promise<void> => {
    await settled();
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await settled();
    }
  };
  return { disk, log, spool, producer, events, deliveries, pass };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 40; i++) await turn();
}

function records(from: number, to: number): OutgoingRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    topic: TOPIC,
    key: 'one key',
    value: `v${from + i}`,
    timestamp: 1,
    headers: [{ key: 'h', value: Buffer.from('x') }],
  }));
}

const numbers = (from: number, to: number): string[] => records(from, to).map(({ value }) => value as string);

describe('a forwarding producer', () => {
  it('sends to a log that answers, and reports topic, partition and offset', async () => {
    const { log, spool, producer, events } = await world();
    producer.start();
    const reports = await producer.send(records(0, 3));
    const partition = log.partitions.findIndex((values) => values.length > 0);
    expect(reports).toEqual([0, 1, 2].map((offset) => ({ status: 'sent', topic: TOPIC, partition, offset })));
    expect(producer.counts).toEqual({ sent: 3, buffered: 0, failed: 0 });
    await producer.close();
    expect([events, spool.end]).toEqual([[], 0]);
  });

  it('buffers while the log refuses, says so once, and sends all in order when it is back', async () => {
    const { log, producer, events, deliveries, pass } = await world();
    producer.start();
    await producer.send(records(0, 2));
    log.become('refusing');
    const reports = await producer.send(records(2, 4));
    expect(reports).toMatchObject([
      { status: 'buffered', number: 0 },
      { status: 'buffered', number: 1 },
    ]);
    await producer.send(records(4, 6));
    await pass(5_000);
    expect(producer.counts).toEqual({ sent: 2, buffered: 4, failed: 0 });
    expect(events).toEqual([{ kind: 'down', reason: 'connection refused' }]);
    log.become('up');
    await pass(2_000);
    expect(events.slice(1)).toEqual([{ kind: 'back', buffered: expect.any(Number) }, { kind: 'drained' }]);
    expect(log.values).toEqual(numbers(0, 6));
    expect(deliveries.map((report) => report.number)).toEqual([0, 1, 2, 3]);
    expect(await producer.send(records(6, 7))).toMatchObject([{ status: 'sent', offset: 6 }]);
    expect(producer.counts).toEqual({ sent: 7, buffered: 0, failed: 0 });
  });

  it('waits for a silent log as long as its patience, and sends nothing twice that arrives after it', async () => {
    const { log, spool, producer, events, pass } = await world();
    log.become('silent');
    log.trouble = 'connection refused';
    producer.start();
    let reports: DeliveryReport[] = [];
    void producer.send(records(0, 2)).then((given) => (reports = given));
    await pass(PATIENCE_MS - 50);
    expect([reports, events]).toEqual([[], []]);
    await pass(50);
    expect(reports.map(({ status }) => status)).toEqual(['buffered', 'buffered']);
    expect(events).toEqual([{ kind: 'down', reason: 'connection refused' }]);
    await producer.send(records(2, 4));
    log.become('up');
    await pass(0);
    expect(log.values).toEqual(numbers(0, 4));
    expect([spool.pending, producer.counts]).toEqual([0, { sent: 4, buffered: 0, failed: 0 }]);
    expect(events.slice(1)).toEqual([{ kind: 'back', buffered: 2 }, { kind: 'drained' }]);
  });

  it('sends first what an earlier process has left, after a kill that has left nothing else', async () => {
    const before = await world();
    before.log.become('refusing');
    before.producer.start();
    await before.producer.send(records(0, 3));
    const after = await world({ disk: before.disk.reopen() });
    after.producer.start();
    await after.producer.send(records(3, 5));
    await after.producer.flush();
    expect(after.events).toEqual([{ kind: 'leftover', buffered: 3 }, { kind: 'drained' }]);
    expect(after.log.values).toEqual(numbers(0, 5));
  });

  it('keeps what is buffered for the next start when it is closed', async () => {
    const { disk, log, producer, pass } = await world();
    log.become('silent');
    producer.start();
    const sending = producer.send(records(0, 3));
    const closing = producer.close();
    await pass(PATIENCE_MS);
    await closing;
    expect((await sending).map(({ status }) => status)).toEqual(['buffered', 'buffered', 'buffered']);
    const next = await world({ disk: disk.reopen() });
    expect(next.spool.pending).toBe(3);
    await expect(producer.send(records(3, 4))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  });

  it('lets its caller wait when the spool is full, until there is room', async () => {
    const { log, spool, producer, events, pass } = await world({ maxBytes: 1_000 });
    log.become('refusing');
    producer.start();
    let reports: DeliveryReport[] | undefined;
    void producer.send(records(0, 30)).then((given) => (reports = given));
    await pass(1_000);
    expect(reports).toBeUndefined();
    expect(spool.bytes).toBeLessThanOrEqual(1_000);
    expect(events.map(({ kind }) => kind)).toEqual(['down', 'full']);
    log.become('up');
    await pass(3_000);
    expect(log.values).toEqual(numbers(0, 30));
    expect(reports?.every(({ status }) => status !== 'failed')).toBe(true);
  });

  it('reports what a full spool has no room for as failed, where that is wanted', async () => {
    const { log, producer, pass } = await world({ maxBytes: 1_000, whenFull: 'reject' });
    log.become('refusing');
    producer.start();
    const sending = producer.send(records(0, 30));
    await pass(1_000);
    const reports = await sending;
    const kept = reports.filter(({ status }) => status === 'buffered').length;
    expect(kept).toBeGreaterThan(3);
    expect(reports.slice(kept).every(({ status }) => status === 'failed')).toBe(true);
    expect(producer.counts).toEqual({ sent: 0, buffered: kept, failed: 30 - kept });
    log.become('up');
    await pass(3_000);
    expect(log.values).toEqual(numbers(0, kept));
  });

  it('ends a wait for room when it is closed, and says that the records were not taken', async () => {
    const { log, producer, pass } = await world({ maxBytes: 1_000 });
    log.become('refusing');
    producer.start();
    const sending = producer.send(records(0, 30)).catch((thrown: unknown) => thrown);
    await pass(100);
    await producer.close();
    expect(await sending).toMatchObject({ code: 'LOG_UNAVAILABLE' });
    // That nobody waits any longer is no failure.
    await producer.flush();
  });

  it('reports a record that its topic does not take as failed, and sends the others', async () => {
    const { log, producer } = await world();
    producer.start();
    const large = { topic: TOPIC, key: 'one key', value: 'x'.repeat(2_000), timestamp: 1 };
    const reports = await producer.send([...records(0, 1), large, ...records(1, 2)]);
    expect(reports.map(({ status }) => status)).toEqual(['sent', 'failed', 'sent']);
    expect(reports[1]).toMatchObject({ error: { code: 'RECORD_TOO_LARGE' } });
    expect([log.values, producer.counts]).toEqual([numbers(0, 2), { sent: 2, buffered: 0, failed: 1 }]);
  });

  it('reports a record that is larger than the spool as failed, and buffers the others', async () => {
    const { log, producer } = await world({ maxBytes: 400 });
    log.become('refusing');
    producer.start();
    const large = { topic: TOPIC, key: null, value: 'x'.repeat(500), timestamp: 1 };
    expect(await producer.send([large, ...records(0, 1)])).toMatchObject([
      { status: 'failed' },
      { status: 'buffered', number: 0 },
    ]);
  });

  it('stops at an error that no other try can mend, and keeps what is buffered', async () => {
    const { log, spool, producer } = await world();
    producer.start();
    const elsewhere = records(0, 1).map((record) => ({ ...record, topic: 'unknown' }));
    await expect(producer.send(elsewhere)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(producer.send(records(0, 1))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(producer.flush()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await producer.close();
    expect([spool.pending, log.values]).toEqual([0, []]);
  });

  it('stops when the disk fails, and has accepted nothing that it has not synced', async () => {
    const disk = new CrashDisk(({ operation, path }) => {
      if (operation === 'sync' && path.endsWith('.jsonl')) throw new Error('EIO: i/o error');
    });
    const { log, producer } = await world({ disk });
    log.become('refusing');
    producer.start();
    await expect(producer.send(records(0, 1))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await producer.close();
  });
});
