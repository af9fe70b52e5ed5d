/** Dead letters on a real broker: sent back once each through kills, fences and rounds, byte for byte; and resets of a Kafka group. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { encodeDlqRecord, type PlainRecord } from '../../src/core/dlq-record.ts';
import { RecordBatchBuilder } from '../../src/core/batch-builder.ts';
import type { Header, LogRecord } from '../../src/core/record-batch.ts';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { read, textOf } from '../runtime/dlq/world.ts';
import { bootstrap, describeKafka, openKafka, uniqueName } from './kafka.ts';
import { MillraceProcess } from './millrace-process.ts';

const COUNT = 3_000;
const PARTITIONS = 3;
const POLL = { timeout: 30_000, interval: 20 };

describeKafka('dlq and reset on Kafka', { timeout: 180_000 }, () => {
  let folder: string;
  let log: KafkaClient;
  const input = uniqueName('in');
  const dlq = `${input}-dlq`;
  const notes = `${dlq}-redriven`;
  const running: MillraceProcess[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-dlq-'));
    log = await openKafka();
    const file = join(folder, 'pipelines/mended/pipeline.ts');
    mkdirSync(join(folder, 'pipelines/mended'), { recursive: true });
    writeFileSync(file, pipelineOf(input, dlq));
    const topics = [input, dlq].map((topic) => ({ topic, partitions: PARTITIONS, recordBytes: 4_000_000 }));
    await log.createTopics(topics);
  });
  afterEach(() => {
    for (const each of running.splice(0)) each.signal('SIGKILL');
  });
  afterAll(async () => {
    await log?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The command line, with the pipeline's file in place of its name. */
  function start(command: readonly string[], ...flags: string[]): MillraceProcess {
    const file = join(folder, 'pipelines/mended/pipeline.ts');
    const place = ['--brokers', bootstrap, '--data', folder, '--json'];
    const process = new MillraceProcess([...command, file, ...place, ...flags]);
    running.push(process);
    return process;
  }

  async function done(command: readonly string[], ...flags: string[]): Promise<object> {
    const process = start(command, ...flags);
    const code = await process.code;
    expect({ code, events: code === 0 ? [] : process.events, stderr: process.stderr }).toEqual({
      code: 0,
      events: [],
      stderr: '',
    });
    return process.events.at(-1)!;
  }

  const redrive = ['dlq', 'redrive'];
  const noted = async (): Promise<number> =>
    (await log.topic(notes)) === undefined ? 0 : (await read(log, notes)).length;

  it('sends each record once, byte for byte, through kill -9 in the middle of it', async () => {
    const originals = Array.from({ length: COUNT }, (_, i) => original(i));
    await fail(log, dlq, input, originals);
    expect(await done(redrive)).toMatchObject({ event: 'plan', applied: false, toSend: COUNT });
    expect(await log.topic(notes)).toBeUndefined();
    for (let kill = 0; kill < 4; kill++) {
      const before = await noted();
      const process = start(redrive, '--apply', '--rate', '150');
      // Killed at another place of its second each time: in a transaction, behind one, in front of one.
      const failed = (): object | undefined => process.events.find(({ event }) => event === 'error');
      await expect
        .poll(async () => ({ came: (await noted()) > before, failed: failed() }), POLL)
        .toEqual({ came: true, failed: undefined });
      await new Promise((resolve) => setTimeout(resolve, 230 * kill));
      process.signal('SIGKILL');
      await process.code;
    }
    const sentBefore = (await read(log, input)).length;
    expect(sentBefore).toBeGreaterThan(0);
    expect(sentBefore).toBeLessThan(COUNT);
    expect(await done(redrive, '--apply')).toMatchObject({
      event: 'end',
      sent: COUNT - sentBefore,
      verdicts: { redriven: sentBefore },
      finished: true,
    });
    const back = await read(log, input);
    expect(back).toHaveLength(COUNT);
    for (const record of back) {
      expect(record.headers.slice(-2).map(({ key }) => key)).toEqual(['dlq_redriven_at', 'dlq_attempt']);
      expect(textOf(record, 'dlq_attempt')).toBe('1');
    }
    const returned = back.map((record) => shownOf(record, record.headers.slice(0, -2))).sort();
    expect(returned).toEqual(originals.map((each) => shownOf(each, each.headers)).sort());
    expect(await done(redrive, '--apply')).toMatchObject({ sent: 0, verdicts: { redriven: COUNT } });
  });

  it('keeps its notes for ever', async () => {
    const admin = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const configNames = ['retention.ms', 'retention.bytes', 'cleanup.policy'];
    const { resources } = await admin.describeConfigs({
      resources: [{ type: ConfigResourceTypes.TOPIC, name: notes, configNames }],
      includeSynonyms: false,
    });
    await admin.disconnect();
    const settings = resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue]);
    expect(Object.fromEntries(settings)).toEqual({
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'cleanup.policy': 'delete',
    });
  });

  it('settles what a redrive has left open that was killed between records and note', async () => {
    const topic = `${dlq}-open`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const originals = Array.from({ length: 20 }, (_, i) => original(i));
    await fail(log, topic, input, originals, 1);
    const before = (await read(log, input)).length;
    const left = log.transactions(`millrace.dlq.${topic}`, 60_000);
    await left.init();
    const sent = new RecordBatchBuilder(input, 0);
    for (const { key, value, headers } of originals) sent.add(key, value, 1, headers);
    await left.append([sent.finish()]);
    expect(await done(redrive, '--dlq', topic, '--apply')).toMatchObject({ sent: 20, finished: true });
    expect(await read(log, input)).toHaveLength(before + 20);
  });

  it('takes over from a redrive that still runs, which sends nothing more', async () => {
    const topic = `${dlq}-two`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const originals = Array.from({ length: 400 }, (_, i) => original(i));
    await fail(log, topic, input, originals, 1);
    const before = (await read(log, input)).length;
    const first = start(redrive, '--dlq', topic, '--apply', '--rate', '50');
    await expect.poll(async () => (await read(log, input)).length, POLL).toBeGreaterThan(before);
    await done(redrive, '--dlq', topic, '--apply');
    expect(await first.code).toBe(3);
    expect(first.events.at(-1)).toMatchObject({ event: 'error', code: 'OWNED_ELSEWHERE' });
    expect(await read(log, input)).toHaveLength(before + originals.length);
  });

  it('counts attempts over the rounds of a pipeline that goes on failing', async () => {
    const rounds = uniqueName('rounds');
    const file = join(folder, 'pipelines/mended/pipeline.ts');
    writeFileSync(file, pipelineOf(rounds, `${rounds}-dlq`));
    await log.createTopics([{ topic: rounds, partitions: PARTITIONS }]);
    const bad = new RecordBatchBuilder(rounds, 0);
    for (let i = 0; i < 10; i++) bad.add(`k${i}`, i < 4 ? '{' : '{}', 1);
    await log.append([bad.finish()]);
    const sent: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      await done([], '--once');
      sent.push(((await done(redrive, '--apply', '--max-attempts', '2')) as { sent: number }).sent);
    }
    expect(sent).toEqual([4, 4, 0, 0]);
    const letters = await read(log, `${rounds}-dlq`);
    expect(letters.map((record) => textOf(record, 'dlq_attempt') ?? '0').sort()).toEqual(
      ['0', '1', '2'].flatMap((attempt) => new Array<string>(4).fill(attempt)),
    );
  });

  it('begins a group again at an offset, a time and the beginning', async () => {
    const offsets = (to: string, ...flags: string[]): Promise<object> => done(['reset'], '--to', to, ...flags);
    const plan = (await offsets('0:3')) as { applied: boolean; positions: { current: number; next: number }[] };
    expect(plan.applied).toBe(false);
    expect(plan.positions[0]).toMatchObject({ next: 3 });
    // Ten records and twice four, and the markers of the transactions that sent these.
    expect(plan.positions[0].current).toBeGreaterThanOrEqual(18);
    await offsets('0:3', '--apply');
    const end = (await done([], '--once')) as { status: { nodes: { role: string; counts: { in: number } }[] } };
    const source = end.status.nodes.find(({ role }) => role === 'source');
    expect(source?.counts.in).toBe(15);
    await offsets('2100-01-01T00:00:00Z', '--apply');
    await done([], '--once');
    await offsets('earliest', '--apply');
    await done([], '--once');
    await offsets('latest', '--apply');
    expect(await done([], '--once')).toMatchObject({ event: 'end' });
  });

  it('can be looked at through a driver that has no transactions, and is sent back by none', async () => {
    const topic = `${dlq}-other`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const originals = Array.from({ length: 10 }, (_, i) => original(i));
    await fail(log, topic, input, originals, 1);
    const other = ['--dlq', topic, '--client', 'kafkajs'];
    expect(await done(['dlq', 'list'], ...other)).toMatchObject({ event: 'end', records: 10 });
    expect(await done(['dlq', 'show'], ...other, '--at', '0:2')).toMatchObject({
      event: 'record',
      payload: { text: null, base64: Buffer.from([0xff, 0x00, 2, 0]).toString('base64') },
    });
    const process = start(redrive, ...other, '--apply');
    expect(await process.code).toBe(2);
    expect(process.events.at(-1)).toMatchObject({ code: 'CONFIG_INVALID', hint: 'leave out --client kafkajs' });
  });

  it('ends with its transaction at a signal, and says that it was stopped', async () => {
    const topic = `${dlq}-three`;
    await log.createTopics([{ topic, partitions: 1 }]);
    const known = uniqueName('slow');
    await log.createTopics([{ topic: known, partitions: 1 }]);
    writeFileSync(join(folder, 'pipelines/mended/pipeline.ts'), pipelineOf(known, `${known}-dlq`));
    await fail(
      log,
      topic,
      known,
      Array.from({ length: 100 }, (_, i) => original(i)),
      1,
    );
    const process = start(redrive, '--dlq', topic, '--apply', '--rate', '10');
    await expect.poll(async () => (await read(log, known)).length, POLL).toBeGreaterThan(0);
    process.signal('SIGINT');
    expect(await process.code).toBe(130);
    const sent = (await read(log, known)).length;
    expect(process.events.at(-1)).toMatchObject({ event: 'end', sent, finished: false });
  });
});

/** All that is strange in records: no key, no value, no text, no JSON, headers of any bytes; every fifth is large. */
function original(i: number): PlainRecord {
  const values = [
    Buffer.from(`{ "n": ${i}.0, "big": 12345678901234567890 }`),
    Buffer.from(`{"n":${i}`),
    Buffer.from([0xff, 0x00, i % 256, i >> 8]),
    null,
    Buffer.from(JSON.stringify({ n: i, pad: 'ü'.repeat(400) })),
  ];
  const headers: Header[] = i % 3 === 0 ? [{ key: 'n', value: Buffer.from([i % 256, 0xfe]) }] : [];
  return { key: i % 7 === 0 ? null : Buffer.from(`key-${i}`), value: values[i % values.length], headers };
}

async function fail(
  log: KafkaClient,
  dlq: string,
  origin: string,
  originals: readonly PlainRecord[],
  partitions = PARTITIONS,
): Promise<void> {
  const builders = Array.from({ length: partitions }, (_, partition) => new RecordBatchBuilder(dlq, partition));
  const facts = { reason: 'no good', failedAt: Date.UTC(2024, 1, 29), kind: 'DecodeError', step: 'decodeJson' };
  originals.forEach((each, i) => {
    const place = { topic: origin, partition: i % partitions, offset: i, timestamp: Date.UTC(2024, 1, 29) };
    const { key, value, headers } = encodeDlqRecord(each, { ...facts, ...place });
    builders[i % partitions].add(key, value, 1, headers);
  });
  await log.append(builders.map((builder) => builder.finish()));
}

function shownOf({ key, value }: Pick<LogRecord, 'key' | 'value'> | PlainRecord, headers: readonly Header[]): string {
  const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));
  return JSON.stringify([hex(key), hex(value), headers.map((each) => [each.key, hex(each.value)])]);
}

function pipelineOf(input: string, dlq: string): string {
  return `
import { kafka, pipeline } from 'millrace';
import { decodeJson, sinkKafka, toDLQ } from 'millrace/operators';
const records = kafka('${input}', { partitions: ${PARTITIONS} }).pipe(decodeJson(), toDLQ('${dlq}'));
export default pipeline('mended', { group: '${input}-group', description: 'for a test' }, records.pipe(sinkKafka('${input}-out')));
`;
}
