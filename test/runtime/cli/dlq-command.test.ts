import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../../src/core/record-batch.ts';
import { openEnvironment } from '../../../src/runtime/environment.ts';
import { read, textOf } from '../dlq/world.ts';
import { numbersProject } from './numbers-project.ts';

const BIN = resolve(import.meta.dirname, '../../../bin/millrace.js');
const PIPELINE = `
import { kafka, pipeline } from 'millrace';
import { count, decodeJson, enrich, keyBy, lateTo, map, sinkConsole, sinkKafka, toDLQ, tumblingWindow, watermark } from 'millrace/operators';
const params = {
  strict: { default: true, description: 'refuse odd numbers' },
  limit: { default: 5, description: 'has the name of a flag of dlq list' },
};
export default pipeline('numbers', { description: 'copies numbers', params }, ({ strict }) => {
  const numbers = kafka('numbers', { partitions: 2 }).pipe(
    decodeJson(),
    map((value) => { if (strict && value.index % 2 === 1) throw new Error('odd: ' + value.index); return value; }),
    watermark({ eventTime: (value) => value.at, outOfOrdernessMs: 0 }),
    toDLQ('numbers-dlq'),
  );
  const windows = numbers.pipe(
    keyBy(() => 'all'), tumblingWindow('all', { sizeMs: 1000, graceMs: 0, aggregate: { n: count() } }), lateTo('numbers-late'));
  return [numbers.pipe(sinkKafka('numbers-out')), windows.pipe(sinkConsole())];
});
`;
const RECORD = `({ index }) => ({ key: 'k' + index % 5, value: index % 10 === 9 ? '{' : JSON.stringify({ index, at: index === 50 ? 0 : index * 100 }) })`;

const project = numbersProject(PIPELINE, RECORD);
const { call } = project;

async function lines(line: string): Promise<Record<string, unknown>[]> {
  const { out } = await call(`${line} --json`);
  return out
    .split('\n')
    .filter(Boolean)
    .map((each) => JSON.parse(each) as Record<string, unknown>);
}

async function topic(name: string): Promise<LogRecord[]> {
  const { log, close } = await openEnvironment({ stateDir: join(project.cwd, '.millrace') });
  try {
    return await read(log, name);
  } finally {
    await close();
  }
}

describe('dlq list', () => {
  it('groups what went wrong by kind, step and reason, numbers aside', async () => {
    await call('numbers --events 100 --once');
    const { code, out } = await call('dlq list numbers');
    expect(code).toBe(0);
    expect(out).toContain('numbers-dlq on embedded log: 50 records');
    expect(out).toMatch(/^ +40 +40 +CallbackError +map +.* +odd: N$/m);
    expect(out).toMatch(/^ +10 +10 +DecodeError +decodeJson /m);
    expect(out).toMatch(/^ +1 +1 +LateRecord +tumblingWindow\(all\)/m);
    expect(out).toContain('See some: millrace dlq show numbers --dlq numbers-dlq');
  });

  it('answers in JSON', async () => {
    await call('numbers --events 100 --once');
    const all = await lines('dlq list numbers --where kind=CallbackError');
    expect(all[0]).toMatchObject({
      event: 'group',
      dlq: 'numbers-dlq',
      kind: 'CallbackError',
      step: 'map',
      origin: 'numbers',
      reason: expect.stringContaining('odd: N') as string,
      records: 40,
      verdicts: { waiting: 40, redriven: 0 },
    });
    expect(all[1]).toMatchObject({
      event: 'end',
      dlq: 'numbers-dlq',
      records: 50,
      verdicts: { unmatched: 10 },
      finished: true,
    });
  });

  it('creates nothing where there is nothing', async () => {
    const { code, out } = await call('dlq list numbers');
    expect(code).toBe(0);
    expect(out).toBe('numbers-dlq is not there yet\nnumbers-late is not there yet\n');
    expect(existsSync(join(project.cwd, '.millrace'))).toBe(false);
  });
});

describe('dlq show', () => {
  it('shows records with where they failed, where they came from, and their bytes', async () => {
    await call('numbers --events 100 --once');
    const { out } = await call('dlq show numbers --where reason~odd --limit 2');
    expect(out.match(/^numbers-dlq\[\d\] at offset/gm)).toHaveLength(2);
    expect(out).toMatch(/failed in map \(CallbackError\)/);
    expect(out).toMatch(/came from numbers\[\d\] at offset \d+/);
    expect(out).toMatch(/payload: \d+ bytes, UTF-8\n {4}\{"index":\d+,"at":\d+\}/);
    expect(out).toMatch(/key: 2 bytes, UTF-8\n {4}k\d/);
    expect(out).toContain('Error: odd');
    const nothing = await call('dlq show numbers --where kind=Nope');
    expect([nothing.out, nothing.err]).toEqual(['', expect.stringContaining('no record meets --where')]);
  });

  it('shows one by its place, in hexadecimal or as JSON', async () => {
    await call('numbers --events 100 --once');
    const { out } = await call('dlq show numbers --dlq numbers-dlq --at 0:0 --hex');
    expect(out).toMatch(/00000000 {2}7b/);
    const [line] = await lines('dlq show numbers --dlq numbers-dlq --at 0:0');
    const { text, base64 } = line.payload as { text: string; base64: string };
    expect(line).toMatchObject({
      event: 'record',
      dlq: 'numbers-dlq',
      partition: 0,
      offset: 0,
      verdict: 'waiting',
      attempts: 0,
    });
    expect(Buffer.from(base64, 'base64').toString()).toBe(text);
  });

  it.each([
    ['dlq show numbers --at 0:0', 'the pipeline has several DLQ topics (numbers-dlq, numbers-late)'],
    ['dlq show numbers --dlq numbers-dlq --at 0:999', 'there is no such record at offset 999 of numbers-dlq[0]'],
    ['dlq show numbers --dlq numbers-dlq --at 9:0', 'there is no such record at offset 0 of numbers-dlq[9]'],
    ['dlq show numbers --at first', 'It must be PARTITION:OFFSET'],
    ['dlq show numbers --dlq numbers', 'numbers is what the pipeline reads, not a DLQ'],
    ['dlq show numbers --dlq numbers-dlq-redriven', 'is a topic of notes, not a DLQ'],
    ['dlq show numbers --dlq nothing', 'there is no topic nothing on embedded log'],
    ['dlq list numbers --where colour=red', 'It must be FIELD=VALUE'],
    ['dlq redrive numbers --max-attempts 0', 'It must be a whole number above 0.'],
    ['dlq redrive numbers --rate 0', 'It must be a number of records a second above 0'],
    ['dlq mend numbers', "there is no command 'dlq mend'"],
    ['dlq list', "missing required argument 'pipeline'"],
  ])('is refused in words: %s', async (line, message) => {
    await call('numbers --events 10 --once');
    const { code, err } = await call(line);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  it('helps where no command is named', async () => {
    const { code, out } = await call('dlq');
    expect(code).toBe(0);
    expect(out).toContain('list|show|redrive <pipeline>');
    expect((await call('dlq redrive --help')).out).toContain('--max-attempts <N>');
  });
});

describe('dlq redrive', () => {
  it('shows a plan, and sends nothing, until it is told to', async () => {
    await call('numbers --events 100 --once');
    const before = (await topic('numbers')).length;
    const { code, out } = await call('dlq redrive numbers --where kind=CallbackError');
    expect(code).toBe(0);
    expect(out).toContain('numbers-late holds late records, which would be late again: name it with --dlq');
    expect(out).toContain('To be sent → numbers: 40 records');
    expect(out).toMatch(/10 {2}do not meet --where/);
    expect(out).toContain('To do it: millrace dlq redrive numbers --where kind=CallbackError --apply');
    expect(await topic('numbers')).toHaveLength(before);
  });

  it('sends records back, which are new input, and come out when the pipeline takes them now', async () => {
    await call('numbers --events 100 --once');
    const { out } = await call('dlq redrive numbers --where kind=CallbackError --apply');
    expect(out).toContain('numbers-dlq: 40 records sent in');
    await call('numbers --once --generate 0 --no-strict');
    const results = (await topic('numbers-out')).map(
      ({ value }) => (JSON.parse(String(value)) as { index: number }).index,
    );
    expect(results.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i).filter((index) => index % 10 !== 9),
    );
    expect((await call('dlq redrive numbers --where kind=CallbackError')).out).toContain(
      'Nothing was sent, and there is nothing to send.',
    );
  });

  it('stops at so many attempts when a record fails again and again', async () => {
    await call('numbers --events 20 --once');
    const sent: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      const [line] = await lines('dlq redrive numbers --max-attempts 2 --apply');
      sent.push(line.sent);
      await call('numbers --once --generate 0');
    }
    expect(sent).toEqual([10, 10, 0, 0]);
    const last = (await topic('numbers-dlq')).slice(-3);
    expect(last.every((record) => textOf(record, 'dlq_attempt') === '2')).toBe(true);
    expect((await call('dlq list numbers --dlq numbers-dlq --max-attempts 2')).out).toMatch(
      /10 {2}have been redriven 2 times or more/,
    );
  });

  it('sends late records only when their topic is named, and they are late again', async () => {
    await call('numbers --events 100 --once');
    const [line] = await lines('dlq redrive numbers --dlq numbers-late --apply');
    expect(line).toMatchObject({ event: 'end', dlq: 'numbers-late', sent: 1, finished: true });
    await call('numbers --once --generate 0');
    expect((await topic('numbers-late')).map((record) => textOf(record, 'dlq_attempt'))).toEqual([undefined, '1']);
  });

  it('ends behind what is under way at Ctrl-C, and says how to go on', async () => {
    await call('numbers --events 100 --once');
    const controller = { stop: (): void => {} };
    const running = call('dlq redrive numbers --apply --rate 20', {
      onStop: (listener) => {
        controller.stop = () => listener('signal');
        return () => {};
      },
    });
    await expect.poll(async () => (await topic('numbers-dlq-redriven').catch(() => [])).length).toBeGreaterThan(0);
    controller.stop();
    const { code, out, err } = await running;
    expect(code).toBe(130);
    expect(err).toContain('stopping');
    expect(out).toContain('numbers-dlq: 20 records sent');
    expect(out).toContain('Stopped. To go on: millrace dlq redrive numbers --apply --rate 20');
    const [line] = await lines('dlq redrive numbers --apply');
    expect(line).toMatchObject({ sent: 30, verdicts: { redriven: 20 } });
  });

  it('sends each record once through kill -9 at any instant', async () => {
    await call('numbers --events 1000 --once');
    const before = await topic('numbers');
    for (let kill = 0; kill < 3; kill++) {
      const args = ['dlq', 'redrive', 'numbers', '--apply', '--rate', '40', '--json'];
      const child = spawn(process.execPath, [BIN, ...args], { cwd: project.cwd, stdio: 'ignore' });
      const ended = new Promise((done) => child.on('close', done));
      const notes = async (): Promise<number> => (await topic('numbers-dlq-redriven').catch(() => [])).length;
      const noted = await notes();
      await expect.poll(notes, { timeout: 20_000 }).toBeGreaterThan(noted);
      child.kill('SIGKILL');
      await ended;
    }
    await call('dlq redrive numbers --apply');
    const sent = await topic('numbers');
    const letters = await topic('numbers-dlq');
    expect(sent).toHaveLength(before.length + letters.length);
    const texts = sent.filter((record) => textOf(record, 'dlq_attempt') === '1').map(({ value }) => String(value));
    const odd = texts.filter((text) => text !== '{');
    expect(new Set(odd).size).toBe(odd.length);
    expect(texts).toHaveLength(letters.length);
  }, 60_000);
});
