import { kafka, pipeline } from 'millrace';
import {
  count,
  decodeJson,
  enrich,
  flatMap,
  keyBy,
  map,
  sinkKafka,
  splitRejections,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { describePlan } from '../../src/runtime/cli/describe.ts';
import { ledgerOf } from '../../src/runtime/cli/render-ledger.ts';
import { planOf } from '../../src/core/plan.ts';

const T0 = 1_704_067_200_000;

interface Sample {
  readonly k: string;
  readonly at: number;
}

const decoded = kafka('in', { partitions: 2 }).pipe(decodeJson());

describe('splitRejections', () => {
  it('gives each record to one of its halves, a rejected one with its bytes and its place', async () => {
    const [accepted, rejected] = splitRejections(decoded);
    const driver = new TestDriver(
      pipeline(
        'split',
        accepted.pipe(sinkKafka('good')),
        rejected.pipe(
          map(({ key, value, headers, ...rest }) => ({
            ...rest,
            key: String(key),
            value: value!.toString('hex'),
            headers: headers.map((header) => [header.key, Buffer.from(header.value).toString()]),
          })),
          sinkKafka('quarantine'),
        ),
      ),
    );
    await driver.createTopic('in', 2);
    await driver.start();
    const headers = [{ key: 'h', value: Buffer.from('1') }];
    await driver.append('in', [
      { key: 'a', value: { n: 1 } },
      { key: 'b', value: '{"n":', headers },
      { key: 'c', value: { n: 2 }, partition: 1 },
      { key: 'd', value: Buffer.from([0xff, 0x00]), partition: 1 },
    ]);
    await driver.settle();
    expect(await driver.readJson('good')).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2 }]));
    const place = { kind: 'DecodeError', step: 'decodeJson', topic: 'in', timestamp: T0, time: T0 };
    const json = { ...place, partition: 0, offset: 1, key: 'b', value: Buffer.from('{"n":').toString('hex') };
    const quarantine = (await driver.readJson('quarantine')) as { partition: number }[];
    expect(quarantine.sort((a, b) => a.partition - b.partition)).toEqual([
      { ...json, reason: expect.stringContaining('not JSON'), headers: [['h', '1']] },
      { ...place, partition: 1, offset: 1, key: 'd', value: 'ff00', reason: 'the value is not UTF-8', headers: [] },
    ]);
    const report = await driver.stop();
    const ledger = ledgerOf(report.status);
    expect(ledger.imbalance).toBeNull();
    expect(ledger.nodes['splitRejections(accepted)']).toMatchObject({ in: 2, passed: 2, emitted: 2, carriedIn: 0 });
    expect(ledger.nodes['splitRejections(rejected)']).toMatchObject({ in: 2, passed: 2, emitted: 2, carriedIn: 0 });
    expect(ledger.edges).toContainEqual({
      from: 'decodeJson',
      to: 'splitRejections(rejected)',
      carries: 'rejections',
      records: 2,
      rejections: 0,
    });
  });

  it('takes callbacks that throw, and says so of them', async () => {
    const [accepted, rejected] = decoded.pipe(
      map((value) => {
        if ((value as Sample).k === 'bad') throw new Error('no');
        return value;
      }),
      splitRejections,
    );
    const driver = new TestDriver(
      pipeline('throws', accepted.pipe(sinkKafka('good')), rejected.pipe(sinkKafka('bad'))),
    );
    await driver.start();
    await driver.append('in', [{ value: { k: 'bad' } }, { value: { k: 'fine' } }]);
    await driver.settle();
    expect(await driver.readJson('good')).toEqual([{ k: 'fine' }]);
    expect(await driver.readJson('bad')).toMatchObject([{ kind: 'CallbackError', reason: 'no', step: 'map' }]);
    await driver.stop();
  });

  it('leaves what a step below it rejects to the DLQ of its own branch', async () => {
    const [accepted, rejected] = splitRejections(decoded);
    const refuse = (value: unknown): unknown => {
      if ((value as Sample | { reason: string }) !== null) throw new Error('refused');
      return value;
    };
    const driver = new TestDriver(
      pipeline(
        'branches',
        accepted.pipe(map(refuse), toDLQ('good-dlq'), sinkKafka('good')),
        rejected.pipe(map(refuse), toDLQ('bad-dlq'), sinkKafka('bad')),
      ),
    );
    await driver.start();
    await driver.append('in', [{ value: '1' }, { value: 'broken' }]);
    await driver.settle();
    expect(await driver.read('good-dlq')).toHaveLength(1);
    expect(await driver.read('bad-dlq')).toHaveLength(1);
    expect(ledgerOf((await driver.stop()).status).imbalance).toBeNull();
  });

  it('parts late records of a window, and what a step made of results rejects', async () => {
    const windows = decoded.pipe(
      watermark<unknown>({ eventTime: (value) => (value as Sample).at, outOfOrdernessMs: 0 }),
      toDLQ('dlq'),
      keyBy((value) => (value as Sample).k),
      tumblingWindow('w', { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }),
      map((window) => {
        if (window.n > 1) throw new Error('too many');
        return window;
      }),
    );
    const [accepted, rejected] = splitRejections(windows);
    const driver = new TestDriver(
      pipeline(
        'late',
        accepted.pipe(sinkKafka('counts')),
        rejected.pipe(
          map(({ kind, topic, offset, value, time }) => ({ kind, topic, offset, value: String(value), time })),
          sinkKafka('rejected'),
        ),
      ),
    );
    await driver.createTopic('in', 1);
    await driver.start();
    const at = (k: string, ms: number) => ({ value: { k, at: T0 + ms } });
    await driver.append('in', [at('a', 0), at('b', 1), at('b', 2), at('a', 1_500), at('a', 5)]);
    await driver.settle();
    expect(await driver.readJson('counts')).toMatchObject([{ key: 'a', n: 1 }]);
    const found = (await driver.readJson('rejected')) as { kind: string; value: string }[];
    expect(found.sort((a, b) => (a.kind < b.kind ? -1 : 1))).toEqual([
      { kind: 'CallbackError', topic: 'tumblingWindow(w)', offset: -1, value: expect.any(String), time: T0 + 999 },
      { kind: 'LateRecord', topic: 'in', offset: 4, value: JSON.stringify(at('a', 5).value), time: T0 + 5 },
    ]);
    expect(JSON.parse(found.find(({ kind }) => kind === 'CallbackError')!.value)).toMatchObject({ key: 'b', n: 2 });
    expect(ledgerOf((await driver.stop()).status).imbalance).toBeNull();
  });

  it('lets event time begin anew below the rejected half, and ends with the source', async () => {
    const [accepted, rejected] = splitRejections(
      decoded.pipe(watermark({ eventTime: (value) => (value as Sample).at, outOfOrdernessMs: 0 })),
    );
    const perMinute = rejected.pipe(
      watermark({ eventTime: ({ timestamp }) => timestamp, outOfOrdernessMs: 0 }),
      toDLQ('dlq'),
      keyBy(({ kind }) => kind),
      tumblingWindow('rejected', { sizeMs: 60_000, graceMs: 0, aggregate: { n: count() } }),
      toDLQ('late'),
    );
    const driver = new TestDriver(
      pipeline('anew', accepted.pipe(sinkKafka('good')), perMinute.pipe(sinkKafka('counts'))),
    );
    await driver.createTopic('in', 2);
    await driver.append('in', [
      { value: { k: 'a', at: T0 + 3_600_000 - 3_500_000 } },
      { value: 'broken' },
      { value: { k: 'a', at: 'never' }, partition: 1 },
      { value: 'broken', partition: 1 },
    ]);
    await driver.start('drain');
    const { status } = await driver.finish();
    expect(ledgerOf(status).imbalance).toBeNull();
    expect(await driver.readJson('counts')).toMatchObject([
      { key: 'DecodeError', n: 2 },
      { key: 'EventTimeError', n: 1 },
    ]);
  });

  it('gives each once over a stop and a start', async () => {
    const [accepted, rejected] = splitRejections(decoded);
    const driver = new TestDriver(pipeline('again', accepted.pipe(sinkKafka('good')), rejected.pipe(sinkKafka('bad'))));
    for (let run = 0; run < 3; run++) {
      await driver.start();
      await driver.append('in', [{ value: String(run) }, { value: 'broken' }]);
      await driver.settle();
      await driver.stop();
    }
    expect(await driver.readJson('good')).toEqual([0, 1, 2]);
    expect(await driver.readJson('bad')).toHaveLength(3);
  });

  it('is refused where one half leads nowhere: its records would be gone without a word', () => {
    const [accepted] = splitRejections(decoded);
    expect(() => planOf([accepted.pipe(sinkKafka('good'))])).toThrowError(
      expect.objectContaining({ code: 'PLAN_INVALID', message: expect.stringContaining('rejections of decodeJson') }),
    );
    const [, rejected] = splitRejections(decoded);
    expect(() => planOf([rejected.pipe(sinkKafka('bad'))])).toThrowError(
      expect.objectContaining({ code: 'PLAN_INVALID', message: expect.stringContaining('records of decodeJson') }),
    );
  });

  it('is refused beside another use of the same stream, which would deliver rejections twice', () => {
    const first = splitRejections(decoded);
    const ends = [first[0].pipe(sinkKafka('good')), first[1].pipe(sinkKafka('bad'))];
    const second = splitRejections(decoded);
    const more = [second[0].pipe(sinkKafka('good2')), second[1].pipe(sinkKafka('bad2'))];
    for (const others of [[decoded.pipe(toDLQ('dlq'), sinkKafka('all'))], more]) {
      expect(() => planOf([...ends, ...others])).toThrowError(
        expect.objectContaining({ code: 'PLAN_INVALID', message: expect.stringContaining('decodeJson is used') }),
      );
    }
  });

  it('shows in a picture of the plan which half is which', () => {
    const [accepted, rejected] = splitRejections(decoded);
    const split = pipeline('split', accepted.pipe(sinkKafka('good')), rejected.pipe(sinkKafka('bad')));
    const described = { pipeline: split, plan: planOf(split.build({})), group: 'split' };
    expect(describePlan(described, 'text')).toContain('splitRejections(rejected)  [takes: all rejections]');
    expect(describePlan(described, 'mermaid')).toContain('n1 -. rejected .-> n4');
  });
});

describe('the record in the context of map and enrich', () => {
  it('is the one behind the value, through every step above, and none behind a window', async () => {
    const events = decoded.pipe(
      flatMap((value) => value as Sample[]),
      enrich((_, { record }) => ({ from: record!.offset, key: String(record!.key) })),
      map((value, { record, offset }) => ({ ...value, text: String(record!.value).length, same: offset })),
      watermark({ eventTime: ({ at }) => at, outOfOrdernessMs: 0 }),
      toDLQ('dlq'),
    );
    const windows = events.pipe(
      keyBy(({ k }) => k),
      tumblingWindow('w', { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }),
      enrich((_, { record }) => ({ computed: record === undefined })),
      toDLQ('late'),
    );
    const driver = new TestDriver(
      pipeline('records', events.pipe(sinkKafka('out')), windows.pipe(sinkKafka('windows'))),
    );
    await driver.createTopic('in', 1);
    await driver.createTopic('out', 1);
    await driver.append('in', [
      { key: 'x', value: [{ k: 'a', at: T0 }] },
      { key: 'y', value: 'broken' },
      { key: 'z', value: [] },
      {
        key: 'w',
        value: [
          { k: 'a', at: T0 },
          { k: 'b', at: T0 + 1 },
        ],
      },
    ]);
    await driver.start('drain');
    await driver.finish();
    expect(await driver.readJson('out')).toMatchObject([
      { k: 'a', from: 0, same: 0, key: 'x' },
      { k: 'a', from: 3, same: 3, key: 'w' },
      { k: 'b', from: 3, same: 3, key: 'w' },
    ]);
    expect(await driver.readJson('windows')).toMatchObject([{ computed: true }, { computed: true }]);
  });
});
