/** The orders pipeline on a real broker, through its command line: exact after stops, nothing lost after a kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compareOrders } from '../../scripts/torture/compare.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { bootstrap, describeKafka, openKafkajs } from './kafka.ts';

const BIN = resolve(import.meta.dirname, '../../bin/millrace.js');

describeKafka('the orders pipeline on Kafka', () => {
  let folder: string;
  let log: LogClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-orders-'));
    log = await openKafkajs();
  });
  afterAll(async () => {
    await log?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(...flags: string[]): ChildProcess {
    const args = [BIN, 'orders', '--brokers', bootstrap, '--data', folder, '--json', ...flags];
    return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Exit code and the JSON lines of stdout. */
  async function ended(child: ChildProcess): Promise<{ code: number | null; events: { event: string }[] }> {
    let out = '';
    let err = '';
    child.stdout!.on('data', (data: Buffer) => (out += String(data)));
    child.stderr!.on('data', (data: Buffer) => (err += String(data)));
    const code = await new Promise<number | null>((done) => child.on('close', done));
    if (code !== 0 && code !== null) process.stderr.write(`${out}\n${err}\n`);
    const events = out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { event: string });
    return { code, events };
  }

  async function processedCount(): Promise<number> {
    const ends = await log.offsets('processed-orders', 'latest').catch(() => [0]);
    return ends.reduce((a, b) => a + b, 0);
  }

  it('generates only when it is asked to, and stops at the end of what is there', async () => {
    const { code } = await ended(
      start('--once', '--generate', '50', '--events', '1500', '--start', '2024-01-01T00:00:00Z'),
    );
    expect(code).toBe(0);
    await expect.poll(processedCount).toBeGreaterThan(1_400);
    expect((await ended(start('--once'))).code).toBe(0);
  });

  it('commits its offsets under its group, where lag tools see them', async () => {
    const offsets = await log.groupOffsets('order-processors', ['orders']);
    expect(offsets.reduce((sum, { offset }) => sum + offset, 0)).toBe(1_500);
    expect(offsets.every(({ metadata }) => metadata.startsWith('epoch '))).toBe(true);
  });

  it('goes on after a SIGTERM, and is exact when it is drained', async () => {
    const live = start('--generate', '400', '--start', '2024-01-01T00:00:00Z');
    const ending = ended(live);
    await expect.poll(processedCount, { timeout: 30_000 }).toBeGreaterThan(2_000);
    live.kill('SIGTERM');
    expect((await ending).code).toBe(0);
    expect((await ended(start('--drain'))).code).toBe(0);
    const { lines, differences } = await compareOrders(log, folder);
    expect(differences).toEqual([]);
    expect(lines.length).toBe(6);
  });

  it('refuses a group whose offsets are there and whose state is not', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'millrace-orders-'));
    const args = [BIN, 'orders', '--brokers', bootstrap, '--data', elsewhere, '--json', '--once'];
    const { code, events } = await ended(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    rmSync(elsewhere, { recursive: true, force: true });
    expect(code).toBe(1);
    expect(events.at(-1)).toMatchObject({ event: 'error', code: 'CHECKPOINT_MISMATCH' });
  });

  it('loses nothing to a kill -9 under at-least-once, and keeps its files exact: only topics may repeat', async () => {
    const killed = mkdtempSync(join(tmpdir(), 'millrace-orders-'));
    const own = ['--data', killed, '--group', 'killed', '--checkpoint-ms', '20', '--delivery', 'at-least-once'];
    for (let kill = 0; kill < 3; kill++) {
      const child = start(...own);
      const ending = ended(child);
      child.stdout!.once('data', () => setTimeout(() => child.kill('SIGKILL'), 30 * (kill + 1)));
      await ending;
    }
    expect((await ended(start(...own, '--drain'))).code).toBe(0);
    const { lines, differences } = await compareOrders(log, killed);
    rmSync(killed, { recursive: true, force: true });
    expect(lines).toHaveLength(6);
    expect(differences.filter((difference) => difference.startsWith('metrics'))).toEqual([]);
  });
});
