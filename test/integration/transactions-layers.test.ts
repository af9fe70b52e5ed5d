/**
 * The layers of transactions as pyarrow and DuckDB read them, value by value and type by type, against what Python and SQL
 * compute from the topic.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compareLayers,
  type LakehousePython,
  type LayerReport,
  lakehousePython,
} from '../../scripts/lakehouse/python.ts';
import { openLog } from '../../scripts/torture/log.ts';
import { dumpTopic } from '../../scripts/torture/proof.ts';
import { bootstrap, describeKafka } from './kafka.ts';
import { MillraceProcess } from './millrace-process.ts';

const OUTPUT = 'data/output/parquet';
const LAYERS = ['bronze', 'quarantine', 'silver', 'gold', 'late', 'raw_csv'];
/** Of the topic, each layer, each layer in DuckDB, and gold by SQL. */
const LINES = 2 * LAYERS.length + 2;
/** An hour of event time, a third of it behind the watermark of another partition. */
const GENERATED = ['--seed', '3', '--start', '2025-01-01T00:00:00Z', '--generate', '5', '--events', '12000'];

let folder: string;
let reader: LakehousePython;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-layers-'));
  reader = lakehousePython();
  if (reader.missing !== '')
    console.log(`left out: the layers of transactions in pyarrow and DuckDB (${reader.missing})`);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the pipeline to its end in a folder of its own. */
async function drained(name: string, ...flags: string[]): Promise<string> {
  const data = join(folder, name);
  const run = new MillraceProcess(['transactions', '--data', data, '--drain', '--json', ...GENERATED, ...flags]);
  expect({ code: await run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
  return data;
}

/** What a comparison finds of layers that are all there and as computed. */
const EXACT = { lines: LINES, differences: [] };

function countedLines({ lines, differences }: LayerReport): object {
  return { lines: lines.length, differences };
}

describeKafka('the layers of transactions on Kafka', () => {
  it('are what Python computes from the topic, which it reads itself', async (context) => {
    context.skip(reader.missing !== '', reader.missing);
    const data = await drained('kafka', '--brokers', bootstrap);
    const source = ['--brokers', bootstrap, '--topic', 'transactions'];
    const report = compareLayers(reader.python, [...source, '--folder', join(data, OUTPUT)]);
    expect(countedLines(report)).toEqual(EXACT);
  }, 120_000);
});

describe('the layers of transactions on the embedded log', () => {
  let dump: string;
  let output: string;

  beforeAll(async () => {
    if (reader.missing !== '') return;
    const data = await drained('embedded', '--trigger-interval', '200 milliseconds');
    dump = join(folder, 'embedded.jsonl');
    output = join(data, OUTPUT);
    const { log, close } = await openLog(undefined, join(data, '.millrace'));
    await dumpTopic(log, 'transactions', dump);
    await close();
  }, 120_000);

  const compared = (of: string): LayerReport => compareLayers(reader.python, ['--dump', dump, '--folder', of]);

  /** A copy of the folders with one thing wrong, and what is found of it. */
  function damaged(name: string, damage: (copy: string) => void): readonly string[] {
    const copy = join(folder, name);
    cpSync(output, copy, { recursive: true });
    damage(copy);
    return compared(copy).differences;
  }

  const filesOf = (copy: string, layer: string): string[] =>
    readdirSync(join(copy, layer))
      .filter((name) => name.startsWith(layer === 'raw_csv' ? 'raw' : layer))
      .map((name) => join(copy, layer, name));

  it('are what Python computes from the topic', (context) => {
    context.skip(reader.missing !== '', reader.missing);
    expect(countedLines(compared(output))).toEqual(EXACT);
  });

  it('are seen to be wrong when a file is lost, doubled, cut or changed', (context) => {
    context.skip(reader.missing !== '', reader.missing);
    const of = (layer: string) => expect.stringMatching(new RegExp(`^${layer}: `));
    const lost = damaged('lost', (copy) => {
      for (const layer of LAYERS) rmSync(filesOf(copy, layer)[0]);
    });
    expect(lost).toEqual(expect.arrayContaining(LAYERS.map(of)));
    const doubled = damaged('doubled', (copy) => {
      for (const layer of LAYERS) {
        const [file] = filesOf(copy, layer);
        cpSync(file, file.replace(/_(\d+)\.(\w+)$/, '_9$1.$2'));
      }
    });
    expect(doubled).toEqual(expect.arrayContaining(LAYERS.map(of)));
    const spoilt = damaged('spoilt', (copy) => {
      const [silver] = filesOf(copy, 'silver');
      truncateSync(silver, readFileSync(silver).length - 1);
      const [csv] = filesOf(copy, 'raw_csv');
      writeFileSync(csv, readFileSync(csv, 'utf8').replace('approved', 'declined'));
    });
    expect(spoilt).toEqual([of('silver'), of('raw_csv')]);
  }, 120_000);
});
