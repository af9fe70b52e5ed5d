/** The orders pipeline on a broker of its own, exactly once: what may happen to broker and process, and what is refused. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { compareOrders } from '../../scripts/torture/compare.ts';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { describeKafka, openKafka } from './kafka.ts';
import { MillraceProcess } from './millrace-process.ts';

const RATE = 300;
/** Away for longer than any single pause between two tries. */
const AWAY_MS = 6_000;
const STOP_MS = 10_000;

describeKafka('exactly once on Kafka', { timeout: 120_000 }, () => {
  let broker: RunningBroker;
  let log: KafkaClient;
  let folder: string;
  let elsewhere: string;
  const running: MillraceProcess[] = [];

  beforeAll(async () => {
    broker = await startBroker();
    log = await openKafka(broker.bootstrap);
    folder = mkdtempSync(join(tmpdir(), 'millrace-exact-'));
    elsewhere = mkdtempSync(join(tmpdir(), 'millrace-exact-'));
  });
  afterEach(() => {
    for (const each of running.splice(0)) each.signal('SIGKILL');
  });
  afterAll(async () => {
    await log?.close();
    await broker?.stop();
    for (const each of [folder, elsewhere]) rmSync(each, { recursive: true, force: true });
  });

  function start(data: string, ...flags: string[]): MillraceProcess {
    const process = new MillraceProcess(['orders', '--brokers', broker.bootstrap, '--data', data, '--json', ...flags]);
    running.push(process);
    return process;
  }

  const generating = ['--generate', String(RATE), '--start', '2024-01-01T00:00:00Z'];

  async function processed(): Promise<number> {
    const ends = await log.offsets('processed-orders', 'latest').catch(() => [0]);
    return ends.reduce((a, b) => a + b, 0);
  }

  async function stopped(process: MillraceProcess, signal: NodeJS.Signals): Promise<void> {
    const asked = performance.now();
    process.signal(signal);
    expect(await process.code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(STOP_MS);
  }

  it('promises it without being asked', async () => {
    const process = start(folder, '--once', ...generating, '--events', '500');
    expect(await process.code).toBe(0);
    expect(process.events.at(-1)).toMatchObject({ event: 'end' });
    expect(JSON.stringify(process.events)).toContain('exactly-once');
    const group = await log.groupOffsets('order-processors', ['orders']);
    expect(group.reduce((sum, { offset }) => sum + offset, 0)).toBe(500);
  });

  it('waits for a broker that is away, says so, and goes on by itself', async () => {
    const before = await processed();
    const process = start(folder, ...generating);
    await expect.poll(processed, { timeout: 30_000 }).toBeGreaterThan(before + RATE);
    await broker.kill();
    await expect.poll(() => process.hasSaid('waiting: '), { timeout: 15_000 }).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, AWAY_MS));
    await broker.restart();
    await expect.poll(() => process.hasSaid('going on after'), { timeout: 40_000 }).toBe(true);
    const after = await processed();
    await expect.poll(processed, { timeout: 30_000 }).toBeGreaterThan(after + RATE);
    await stopped(process, 'SIGTERM');
  });

  it('stops within seconds while the broker is away, and says why', async () => {
    const process = start(folder, ...generating);
    const before = await processed();
    await expect.poll(processed, { timeout: 30_000 }).toBeGreaterThan(before);
    await broker.kill();
    await expect.poll(() => process.hasSaid('waiting: '), { timeout: 15_000 }).toBe(true);
    const asked = performance.now();
    process.signal('SIGTERM');
    expect(await process.code).toBe(3);
    expect(performance.now() - asked).toBeLessThan(STOP_MS);
    expect(process.events.at(-1)).toMatchObject({ event: 'error', code: 'LOG_UNAVAILABLE' });
    await broker.restart();
  });

  it('stops within seconds on Ctrl-C, under load', async () => {
    const before = await processed();
    const process = start(folder, '--generate', '5000', '--start', '2024-01-01T00:00:00Z');
    await expect.poll(processed, { timeout: 30_000 }).toBeGreaterThan(before + 5_000);
    await stopped(process, 'SIGINT');
  });

  it('refuses a state directory that the group has left behind, and leaves the right one alone', async () => {
    cpSync(folder, elsewhere, { recursive: true });
    const right = start(folder, ...generating);
    const before = await processed();
    await expect.poll(processed, { timeout: 30_000 }).toBeGreaterThan(before);
    const stale = start(elsewhere);
    expect(await stale.code).toBe(1);
    expect(stale.events.at(-1)).toMatchObject({ event: 'error', code: 'CHECKPOINT_MISMATCH' });
    const after = await processed();
    await expect.poll(processed, { timeout: 30_000 }).toBeGreaterThan(after + RATE);
    await stopped(right, 'SIGTERM');
  });

  it('refuses a second process on the same state directory, with the pid of the first', async () => {
    const first = start(folder);
    await expect.poll(() => first.events.length, { timeout: 30_000 }).toBeGreaterThan(0);
    const second = start(folder);
    expect(await second.code).toBe(3);
    expect(second.events.at(-1)).toMatchObject({ event: 'error', code: 'OWNED_ELSEWHERE' });
    await stopped(first, 'SIGTERM');
  });

  it('has written everything once, after all of that', async () => {
    const process = start(folder, '--drain');
    expect(await process.code).toBe(0);
    const { lines, differences } = await compareOrders(log, folder);
    expect(differences).toEqual([]);
    expect(lines).toHaveLength(6);
  });

  it('refuses a group whose offsets are gone', async () => {
    const own = ['--group', 'forgotten'];
    const first = start(elsewhere, '--once', ...own);
    expect(await first.code).toBe(0);
    await log.deleteGroup('forgotten');
    const process = start(elsewhere, '--once', ...own);
    expect(await process.code).toBe(1);
    expect(process.events.at(-1)).toMatchObject({
      event: 'error',
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringContaining('no offsets any more'),
    });
  });
});
