import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/core/ports.ts';
import { plainKafka } from '../../src/kafka/kafka-config.ts';
import { runGenerator } from '../../src/runtime/generate.ts';
import { SpooledTarget, type SpooledTargetOptions } from '../../src/runtime/spooled-target.ts';
import type { ForwardingEvent } from '../../src/spool/forwarding.ts';
import { systemClock } from '../../src/time/clock.ts';
import { generator } from './cli/fixtures.ts';

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

describe('a generator whose Kafka is away', () => {
  let folder: string;
  let now = 0;
  const events: ForwardingEvent[] = [];
  /** Fifty times as fast. */
  const clock: Clock = {
    now: () => now++,
    elapsed: () => now++,
    sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-target-'));
    events.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function open(brokers = NOWHERE, spool: Partial<SpooledTargetOptions['spool']> = {}): Promise<SpooledTarget> {
    return SpooledTarget.open({
      kafka: plainKafka(brokers)!,
      generator,
      spool: { folder, maxBytes: 1_000_000, whenFull: 'block', ...spool },
      clock,
      onEvent: (event) => events.push(event),
    });
  }

  const records = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ index: from + i, key: `k${from + i}`, value: 'v' }));

  it('says that it buffers, why, and numbers on from what the folder remembers', async () => {
    const first = await open();
    expect(await first.begin()).toBe(0);
    expect(await first.write(records(0, 5), 1)).toBe(true);
    expect(first.counts).toEqual({ sent: 0, buffered: 5, failed: 0 });
    // On a machine that is busy enough, the attempt is given up before its refusal is seen.
    expect(events).toEqual([{ kind: 'down', reason: expect.stringMatching(/connection refused|no answer/) }]);
    await first.close();
    const second = await open();
    expect(await second.begin()).toBe(5);
    expect(events[1]).toEqual({ kind: 'leftover', buffered: 5 });
    expect(await second.write(records(5, 7), 1)).toBe(true);
    await second.close();
    const third = await open();
    expect(await third.begin()).toBe(7);
    await third.close();
  });

  it('numbers on behind its spool where nothing else is remembered', async () => {
    const first = await open();
    await first.begin();
    await first.write(records(0, 5), 1);
    await first.close();
    rmSync(join(folder, 'numbering'));
    const second = await open();
    expect(await second.begin()).toBe(5);
    await second.close();
  });

  it('refuses a spool that another producer uses', async () => {
    const first = await open();
    await expect(open()).rejects.toMatchObject({
      code: 'OWNED_ELSEWHERE',
      message: expect.stringContaining(`is held by process ${process.pid}`),
    });
    await first.close();
    await (await open()).close();
  });

  it('refuses to send what waits for one cluster to another', async () => {
    const first = await open(`${NOWHERE},127.0.0.1:2`);
    await first.begin();
    await first.write(records(0, 2), 1);
    await first.close();
    await expect(open('127.0.0.1:3')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${folder} holds 2 records for Kafka at 127.0.0.1:1,127.0.0.1:2, not for 127.0.0.1:3`,
    });
    await (await open('127.0.0.1:2,127.0.0.1:4')).close();
  });

  it('stops at once when it waits for room in its spool, and counts what was not taken as not generated', async () => {
    const target = await open(NOWHERE, { maxBytes: 2_000 });
    const stopping = new AbortController();
    const settings = { rate: 1_000, events: undefined, seed: 1, start: undefined, badRatio: 0 };
    const generating = runGenerator(generator, {
      ...settings,
      log: target.log,
      target,
      clock: systemClock,
      backfill: false,
      live: true,
      signal: stopping.signal,
    });
    await expect.poll(() => events.map(({ kind }) => kind)).toContain('full');
    stopping.abort();
    await target.close();
    const generated = await generating;
    const { buffered } = target.counts;
    expect(buffered).toBeGreaterThanOrEqual(generated);
    expect(buffered).toBeGreaterThan(0);
  });
});
