import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { iso } from 'millrace';
import { TestDriver, type TestDriverOptions } from 'millrace/testing';
import generator from '../../../pipelines/orders/generator.ts';
import orders from '../../../pipelines/orders/pipeline.ts';
import { compareOrders } from '../../../scripts/torture/compare.ts';
import { type MetricRow, naiveOrders } from '../../../scripts/torture/naive-orders.ts';
import { nodeDisk } from '../../../src/files/node-disk.ts';
import { runGenerator } from '../../../src/runtime/generate.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-orders-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const driven = (options: TestDriverOptions = {}) =>
  new TestDriver(orders, { disk: nodeDisk, outputDir: folder, ...options });

/** Writes orders as the generator makes them, as fast as the log takes them; the last one is of now. */
async function generate(driver: TestDriver, events: number, badRatio = generator.badRatio): Promise<void> {
  const { log, clock } = driver;
  const signal = new AbortController().signal;
  const pace = { rate: generator.rate, seed: 1, start: undefined, backfill: true, live: false };
  await runGenerator(generator, { log, clock, events, badRatio, signal, ...pace });
}

const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString();

async function naiveOf(driver: TestDriver) {
  const records = await driver.read('orders');
  return naiveOrders(records.map((record) => Object.assign(record, { key: text(record.key) })));
}

describe('the orders pipeline', () => {
  it('writes what the naive computation writes, in every output', { timeout: 30_000 }, async () => {
    const driver = driven();
    await generate(driver, 12_000);
    await driver.start('drain');
    const report = await driver.finish();
    const { lines, differences } = await compareOrders(driver.log, folder);
    expect(differences).toEqual([]);
    expect(lines).toHaveLength(6);
    const { processed, rejected, late, metrics } = await naiveOf(driver);
    expect(processed.length + rejected.length).toBe(12_000);
    expect(Math.min(rejected.length, late.length, metrics.length)).toBeGreaterThan(10);
    expect(report.status).toMatchObject({ rejected: rejected.length, late: late.length });
  });

  it('is told apart from the naive computation by a single cent', async () => {
    const driver = driven();
    await generate(driver, 500);
    await driver.start('drain');
    await driver.finish();
    const path = join(folder, 'output/metrics.jsonl');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/("total_revenue":\d+)/, '$11'));
    expect((await compareOrders(driver.log, folder)).differences).toEqual([expect.stringContaining('metrics.jsonl')]);
  });

  it('rejects nothing when every order is good', async () => {
    const driver = driven();
    await generate(driver, 5_000, 0);
    await driver.start('drain');
    expect((await driver.finish()).status.rejected).toBe(0);
    expect(await driver.read('processed-orders')).toHaveLength(5_000);
    expect(await driver.read('orders-dlq')).toEqual([]);
  });

  it('run once, as from cron, closes the windows that are over and goes on with the others the next time', async () => {
    const driver = driven();
    await generate(driver, 3_000);
    await driver.start('once');
    await driver.finish();
    const { metrics, watermarks } = await naiveOf(driver);
    const over = metrics.filter((row) => Date.parse(row.window_end) <= Math.min(...watermarks.values()));
    expect(over.length).toBeLessThan(metrics.length);
    expect(await driver.readJson('product-metrics')).toHaveLength(over.length);
    // As if an hour had passed: the next orders are of then.
    driver.clock.advance(3_600_000);
    await generate(driver, 3_000);
    await driver.start('drain');
    await driver.finish();
    expect((await compareOrders(driver.log, folder)).differences).toEqual([]);
  });

  it('prints one line a window, and with every order where figures are shown running', async () => {
    const lines: string[] = [];
    const driver = driven({ print: (line) => lines.push(line) });
    await generate(driver, 2_000);
    await driver.start('once');
    await driver.finish();
    const closed = lines.length;
    const lateBefore = (await driver.read('orders-late')).length;
    expect(closed).toBe((await driver.read('product-metrics')).length);
    expect(lines.every((line) => /^\d\d:\d\d {3}\w+ +\d+ orders +\$[\d,]+\.\d\d {2}avg +\$\d+\.\d\d$/.test(line))).toBe(
      true,
    );
    const { store } = driver;
    const running = driven({
      store,
      startAt: driver.clock.now(),
      params: { running: true },
      print: (line) => lines.push(line),
    });
    await generate(running, 100, 0);
    await running.start('drain');
    await running.finish();
    const updates = lines.slice(closed).filter((line) => line.includes('…'));
    const late = (await running.read('orders-late')).length - lateBefore;
    expect(updates).toHaveLength(100 - late);
    expect((await compareOrders(running.log, folder)).differences).toEqual([]);
  });

  it('writes its figures where it is told', async () => {
    const driver = driven({ params: { metricsFile: 'output/metrics.json' } });
    await generate(driver, 300);
    await driver.start('drain');
    await driver.finish();
    const rows = readFileSync(join(folder, 'output/metrics.json'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as MetricRow);
    expect(rows).toEqual((await naiveOf(driver)).metrics);
  });

  it('keys what it writes: orders by their id, figures by product', async () => {
    const driver = driven();
    await generate(driver, 300, 0);
    await driver.start('drain');
    await driver.finish();
    for (const { key, value } of await driver.read('processed-orders')) {
      expect((JSON.parse(text(value)) as { order_id: string }).order_id).toBe(text(key));
    }
    for (const { key, value } of await driver.read('product-metrics')) {
      expect((JSON.parse(text(value)) as MetricRow).product_id).toBe(text(key));
    }
  });
});

describe('any orders, good or bad, in any order', () => {
  const NOW = Date.UTC(2024, 1, 29, 12);
  const POLLUTED =
    '{"order_id":"p","user_id":"u","product_id":"prod-1","amount":1,"timestamp":"2024-02-29T12:00:00.000Z","__proto__":{"amount":9}}';
  const oneOf = (...values: unknown[]): fc.Arbitrary<unknown> => fc.constantFrom(...values);
  const near = (time: number) => fc.integer({ min: -1, max: 1 }).map((ms) => time + ms);
  const time = fc.oneof(
    fc.integer({ min: NOW - 300_000, max: NOW }),
    near(NOW - 60_000),
    near(NOW - 120_000),
    near(NOW - 115_000),
    near(NOW + 300_000),
    near(0),
    near(-62_135_596_800_000),
  );
  const order = fc.record(
    {
      order_id: fc.oneof({ weight: 9, arbitrary: fc.uuid() }, oneOf('', 7, null)),
      user_id: fc.oneof({ weight: 9, arbitrary: oneOf('user-1', '✓ ünï') }, oneOf('', [])),
      product_id: fc.oneof(
        { weight: 9, arbitrary: oneOf('prod-1', 'prod-2', 'prod-5') },
        oneOf('prod-6', '__proto__', 'constructor', 1),
      ),
      amount: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 1, max: 50_000 }).map((cents) => cents / 100) },
        { weight: 2, arbitrary: oneOf(0.005, 1.005, 0.285, 1.115, 5e-324, 1e6, 333_333.335) },
        oneOf(0, -1, 1e7, Number.MAX_VALUE, '12', null, true),
      ),
      timestamp: fc.oneof({ weight: 9, arbitrary: time.map(iso) }, oneOf('', 'now', '2024-02-30T00:00:00.000Z', 0)),
      extra: oneOf(undefined, 'kept', { deep: [1, 'a "quote"'] }),
    },
    { requiredKeys: ['order_id', 'product_id', 'amount', 'timestamp'] },
  );
  const value: fc.Arbitrary<unknown> = fc.oneof(
    { weight: 12, arbitrary: order },
    oneOf('', 'null', '[]', '1e999', '{"order_id":"o"', '{"__proto__":{"amount":1}}', POLLUTED),
  );

  it('come out as the naive computation has them', { timeout: 60_000 }, async () => {
    const partition = fc.integer({ min: 0, max: 2 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ value, partition }), { maxLength: 60 }), async (records) => {
        const outputDir = await mkdtemp(join(folder, 'run-'));
        const driver = driven({ outputDir, startAt: NOW, maxChunkRecords: 7 });
        await driver.createTopic('orders', 3);
        await driver.append(
          'orders',
          records.map((record, i) => ({ ...record, key: `k${i}` })),
        );
        await driver.start('drain');
        await driver.finish();
        expect((await compareOrders(driver.log, outputDir)).differences).toEqual([]);
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});
