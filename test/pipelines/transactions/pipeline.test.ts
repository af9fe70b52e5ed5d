import { describe, expect, it } from 'vitest';
import type { Disk, LogRecord } from 'millrace';
import { TestDriver, type TestDriverOptions } from 'millrace/testing';
import generatorFile from '../../../pipelines/transactions/generator.ts';
import transactions from '../../../pipelines/transactions/pipeline.ts';
import { runGenerator } from '../../../src/runtime/generate.ts';
import { generatorFor } from '../../../src/runtime/generator.ts';
import { paramValues } from '../../../src/runtime/params.ts';
import type { RunOptions } from '../../../src/runtime/run-options.ts';

const MINUTE = 60_000;
const LAYERS = ['bronze', 'quarantine', 'silver', 'gold', 'late', 'raw_csv'] as const;
const CSV_HEADER = 'txn_id,event_time,user_id,card_id,merchant,category,amount,currency,status,city,country,lat,lon';

type Layer = (typeof LAYERS)[number];
type Params = NonNullable<RunOptions['params']>;

const driven = (params: Params = {}, options: TestDriverOptions = {}) =>
  new TestDriver(transactions, { params: { showPreviews: false, ...params }, ...options });

/** Writes transactions as the generator makes them, as fast as the log takes them; the last one is of now. */
async function generate(driver: TestDriver, events: number, params: Params = {}, badRatio = 0.02): Promise<void> {
  const generator = (await generatorFor(generatorFile, paramValues(transactions, params)))!;
  const { log, clock } = driver;
  const pace = { rate: generator.rate, seed: 1, start: undefined, backfill: true, live: false };
  await runGenerator(generator, { log, clock, events, badRatio, signal: new AbortController().signal, ...pace });
}

const folderOf = (layer: Layer): string => `/output/data/output/parquet/${layer}`;
const textOf = async (disk: Disk, path: string): Promise<string> => Buffer.from(await disk.read(path)).toString();

async function filesOf({ disk }: TestDriver, layer: Layer): Promise<string[]> {
  return (await disk.list(folderOf(layer))).filter((name) => !name.startsWith('.'));
}

/** Rows of a layer's published files, as their log has them. */
async function rowsOf({ disk }: TestDriver, layer: Layer): Promise<number> {
  const logs = `${folderOf(layer)}/.published`;
  const texts = await Promise.all((await disk.list(logs)).map((name) => textOf(disk, `${logs}/${name}`)));
  const lines = texts.flatMap((text) => text.trimEnd().split('\n'));
  return lines.reduce((sum, line) => sum + ((JSON.parse(line) as { rows?: number }).rows ?? 0), 0);
}

async function rowsOfAll(driver: TestDriver): Promise<Record<string, number>> {
  return Object.fromEntries(
    await Promise.all(LAYERS.map(async (layer) => [layer, await rowsOf(driver, layer)] as const)),
  );
}

interface Naive {
  bronze: number;
  quarantine: number;
  silver: number;
  late: number;
  gold: number;
  csv: string[];
}

/** What has to come out, computed in the plainest way. */
function naive(records: readonly LogRecord[]): Naive {
  const found: Naive = { bronze: records.length, quarantine: 0, silver: 0, late: 0, gold: 0, csv: [] };
  const greatest = new Map<number, number>();
  const windows = new Set<string>();
  for (const { partition, value } of records) {
    const transaction = readNaively(String(value));
    if (transaction === undefined) {
      found.quarantine++;
      continue;
    }
    const { txn_id, card_id, time } = transaction;
    found.silver++;
    found.csv.push(`${txn_id},${new Date(time).toISOString()}`);
    const seen = greatest.get(partition) ?? Number.NEGATIVE_INFINITY;
    greatest.set(partition, Math.max(seen, time));
    const start = Math.floor(time / MINUTE) * MINUTE;
    if (seen - 5 * MINUTE >= start + MINUTE) found.late++;
    else windows.add(`${start} ${card_id}`);
  }
  return { ...found, gold: windows.size };
}

function readNaively(text: string): { txn_id: string; card_id: string; time: number } | undefined {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    const { txn_id = value.transaction_id, event_ts = value.timestamp, card_id, amount } = value;
    const spelled = String(event_ts)
      .replace(' ', 'T')
      .replace(/(\.\d{3})\d*/, '$1')
      .replace(/([+-]\d\d)(\d\d)$/, '$1:$2');
    const time = typeof event_ts === 'number' ? event_ts : Date.parse(/[Z+]/.test(spelled) ? spelled : `${spelled}Z`);
    if (typeof txn_id !== 'string' || typeof amount !== 'number' || Number.isNaN(time)) return undefined;
    return { txn_id, card_id: String(card_id), time };
  } catch {
    return undefined;
  }
}

describe('the transactions pipeline', () => {
  it('fills every layer with what the naive computation finds', { timeout: 60_000 }, async () => {
    const driver = driven();
    await generate(driver, 6_000);
    await driver.start('drain');
    const report = await driver.finish();
    const wanted = naive(await driver.read('transactions'));
    const { bronze, quarantine, silver, late, gold, csv } = wanted;
    expect(await rowsOfAll(driver)).toEqual({ bronze, quarantine, silver, late, gold, raw_csv: silver });
    expect(bronze).toBe(6_000);
    expect(silver + quarantine).toBe(bronze);
    expect(Math.min(quarantine, late, gold)).toBeGreaterThan(20);
    expect(report.status).toMatchObject({ rejected: quarantine, late });
    const paths = (await filesOf(driver, 'raw_csv')).map((name) => `${folderOf('raw_csv')}/${name}`);
    const mirrors = await Promise.all(paths.map((path) => textOf(driver.disk, path)));
    const lines = mirrors.flatMap((text) => {
      const [header, ...rows] = text.trimEnd().split('\r\n');
      expect(header).toBe(CSV_HEADER);
      return rows;
    });
    expect(lines.map((line) => line.split(',').slice(0, 2).join(',')).toSorted()).toEqual(csv.toSorted());
  });

  it('names files for layer, time and checkpoint', async () => {
    const driver = driven();
    await generate(driver, 3_000);
    await driver.start('once');
    await driver.finish();
    for (const layer of LAYERS) {
      const prefix = layer === 'raw_csv' ? 'raw' : layer;
      const extension = layer === 'raw_csv' ? 'csv' : 'parquet';
      const names = await filesOf(driver, layer);
      expect(names.length).toBeGreaterThan(0);
      for (const name of names) expect(name).toMatch(new RegExp(`^${prefix}_\\d{8}_\\d{6}_\\d+\\.${extension}$`));
    }
  });

  it('shows files and previews of each layer within seconds, without a server', async () => {
    const lines: string[] = [];
    const driver = driven({ showPreviews: true }, { print: (line) => lines.push(line) });
    await generate(driver, 4_500);
    await driver.start('live');
    await driver.advance(4_000);
    const heads = lines.filter((line) => /^\w+: [\d,]+ rows?/.test(line)).map((line) => line.split(':')[0]);
    expect(heads.toSorted()).toEqual(['bronze', 'gold', 'late', 'quarantine', 'silver']);
    for (const layer of LAYERS) expect(await filesOf(driver, layer)).toHaveLength(1);
    await driver.stop();
  });

  it('publishes a file of each layer in every trigger interval, and keeps the last few', async () => {
    const driver = driven({ triggerInterval: '10 seconds', maxFilesPerSink: 2 });
    await driver.start('live');
    const counts: number[] = [];
    for (let i = 0; i < 5; i++) {
      await driver.append('transactions', [
        { key: 'c', value: { txn_id: `t${i}`, event_ts: '2024-01-01T00:00:00Z', card_id: 'c', amount: 1 } },
      ]);
      await driver.advance(11_000);
      counts.push((await filesOf(driver, 'silver')).length);
    }
    expect(counts).toEqual([1, 2, 2, 2, 2]);
    expect(await filesOf(driver, 'quarantine')).toEqual([]);
    await driver.stop();
    expect(await rowsOf(driver, 'silver')).toBe(5);
  });

  it('takes in so many records in a trigger interval', async () => {
    const driver = driven({ triggerInterval: '10 seconds', maxOffsetsPerTrigger: 300 });
    await generate(driver, 1_000);
    await driver.start('live');
    const taken: number[] = [];
    for (let i = 0; i < 4; i++) {
      await driver.advance(9_800);
      taken.push(driver.counts('kafka(transactions)').in);
      await driver.advance(200);
    }
    expect(taken).toEqual([300, 600, 900, 1_000]);
    await driver.stop();
  });

  it('reads the smaller record of the other topic', async () => {
    const driver = driven({ topic: 'transactions_raw' });
    await generate(driver, 2_000, { topic: 'transactions_raw' });
    await driver.start('drain');
    await driver.finish();
    const { silver, quarantine, gold } = naive(await driver.read('transactions_raw'));
    expect(await rowsOfAll(driver)).toMatchObject({ silver, quarantine, gold });
    expect(silver).toBeGreaterThan(1_900);
  });

  it('takes a late record that begins with a byte order mark, as it takes one in time', async () => {
    const driver = driven();
    await driver.start('live');
    const record = (event_ts: string) => {
      const text = JSON.stringify({ txn_id: 't', event_ts, card_id: 'c', amount: 1 });
      return { key: 'c', value: `\ufeff${text}` };
    };
    await driver.append('transactions', [record('2023-12-31T22:00:00Z'), record('2023-12-31T20:00:00Z')]);
    await driver.settle();
    await driver.stop();
    expect(await rowsOfAll(driver)).toMatchObject({ silver: 2, late: 1, quarantine: 0 });
  });

  it('goes on where it was, whether rows are shown or not', async () => {
    const first = driven({ showPreviews: true });
    await generate(first, 1_500);
    await first.start('once');
    await first.finish();
    const { store, disk } = first;
    const second = driven({}, { store, disk, startAt: first.clock.now() });
    await generate(second, 1_500);
    await second.start('drain');
    await second.finish();
    const { bronze, silver, gold, late } = naive(await second.read('transactions'));
    expect(bronze).toBe(3_000);
    expect(await rowsOfAll(second)).toMatchObject({ bronze, silver, gold, late, raw_csv: silver });
  });
});

describe('the settings of the transactions pipeline', () => {
  it.each<[Params, string]>([
    [{ triggerInterval: 'often' }, 'triggerInterval'],
    [{ maxOffsetsPerTrigger: 1.5 }, 'maxOffsetsPerTrigger'],
    [{ maxFilesPerSink: -1 }, 'maxFilesPerSink'],
    [{ topic: 'a topic' }, 'topic'],
    [{ outputPath: ' ' }, 'outputPath'],
    [{ shape: 'huge' }, 'shape'],
  ])('are refused with their name: %j', async (params, name) => {
    await expect(driven(params).start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`parameter ${name} of pipeline 'transactions'`) as string,
      hint: expect.stringMatching(/^It must be /) as string,
    });
  });
});
