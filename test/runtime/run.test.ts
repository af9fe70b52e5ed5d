import { concatMap, debounceTime, scan, take } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { kafka, merge, pipeline } from 'millrace';
import { decodeJson, enrich, enrichAsync, filter, flatMap, map, rx, sinkKafka, toDLQ } from 'millrace/operators';
import { TestDriver } from 'millrace/testing';
import { decodeDlqRecord } from '../../src/core/dlq-record.ts';
import type { Pipeline } from '../../src/core/pipeline.ts';
import { CrashStore } from '../../src/testing/crash-store.ts';

interface Row {
  readonly n: number;
}

const rows = () =>
  kafka('in').pipe(
    decodeJson(),
    map((value) => value as Row),
    toDLQ('dlq'),
  );

async function driven(of: Pipeline, values: readonly unknown[], partitions = 1): Promise<TestDriver> {
  const driver = new TestDriver(of);
  await driver.createTopic('in', partitions);
  await driver.start();
  await driver.append(
    'in',
    values.map((value, i) => ({ value, partition: i % partitions })),
  );
  await driver.settle();
  return driver;
}

describe('a run', () => {
  it('takes records from source to sink and accounts for each', async () => {
    const driver = await driven(
      pipeline(
        'p',
        rows().pipe(
          filter((row) => row.n !== 2),
          enrich((row) => ({ double: row.n * 2 })),
          sinkKafka('out', { partitions: 1 }),
        ),
      ),
      [{ n: 1 }, { n: 2 }, 'not json', { n: 3 }],
    );
    expect(await driver.readJson('out')).toEqual([
      { n: 1, double: 2 },
      { n: 3, double: 6 },
    ]);
    expect(driver.counts('filter')).toMatchObject({ in: 3, passed: 2, filtered: 1 });
    expect(driver.counts('toDLQ(dlq)')).toMatchObject({ carriedIn: 1, taken: 1, carriedOut: 0 });
    await driver.stop();
  });

  it('gives a rejected record to the DLQ byte for byte, with reason and origin', async () => {
    const driver = await driven(pipeline('p', rows().pipe(sinkKafka('out', { partitions: 1 }))), [
      Uint8Array.of(0xff, 0x00),
      null,
    ]);
    const dlq = await driver.read('dlq');
    const header = (i: number, key: string) =>
      Buffer.from(dlq[i].headers.find((each) => each.key === key)!.value).toString();
    expect(dlq.map((record) => decodeDlqRecord(record)!.payload)).toEqual([Buffer.of(0xff, 0x00), null]);
    expect(JSON.parse(String(dlq[0].value))).toEqual({
      payload: '/wA=',
      error_reason: 'the value is not UTF-8',
      failed_at: header(0, 'dlq_failed_at'),
    });
    expect(header(0, 'dlq_reason')).toBe('the value is not UTF-8');
    expect(header(1, 'dlq_reason')).toBe('the value is null, not a JSON document');
    expect(header(1, 'dlq_offset')).toBe('1');
    expect(header(1, 'dlq_topic')).toBe('in');
    await driver.stop();
  });

  it('rejects a record whose callback throws, and only that one', async () => {
    const of = pipeline(
      'p',
      kafka('in').pipe(
        decodeJson(),
        map((value) => {
          if ((value as Row).n === 2) throw new Error('two is odd');
          return value;
        }),
        toDLQ('dlq'),
        sinkKafka('out', { partitions: 1 }),
      ),
    );
    const driver = await driven(of, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await driver.readJson('out')).toEqual([{ n: 1 }, { n: 3 }]);
    expect(driver.counts('map')).toMatchObject({ passed: 2, rejected: 1 });
    await driver.stop();
  });

  it('stops with the place of the record when a callback throws and no DLQ stands below', async () => {
    const of = pipeline(
      'p',
      rows().pipe(
        map((row) => {
          if (row.n === 2) throw new Error('two is odd');
          return row;
        }),
        sinkKafka('out', { partitions: 1 }),
      ),
    );
    await expect(driven(of, [{ n: 1 }, { n: 2 }])).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      message: 'a callback threw: two is odd',
      place: { operator: 'map#2', topic: 'in', partition: 0, offset: 1 },
    });
  });

  it('goes on from its checkpoint after a stop, with nothing twice', async () => {
    const driver = await driven(pipeline('p', rows().pipe(sinkKafka('out', { partitions: 1 }))), [{ n: 1 }, { n: 2 }]);
    await driver.stop();
    await driver.append('in', [{ value: { n: 3 } }]);
    await driver.start();
    await driver.settle();
    expect(await driver.readJson('out')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(driver.counts('kafka(in)')).toMatchObject({ in: 3 });
    await driver.stop();
  });

  it('reads to the end seen at the start when it runs once', async () => {
    const driver = new TestDriver(pipeline('p', rows().pipe(sinkKafka('out', { partitions: 1 }))));
    await driver.createTopic('in', 2);
    await driver.append('in', [{ value: { n: 1 } }, { value: { n: 2 }, partition: 1 }]);
    await driver.start('once');
    const report = await driver.finish();
    expect(report.status.state).toBe('stopped');
    expect(await driver.readJson('out')).toHaveLength(2);
  });

  it('marks a drained state, from which nothing goes on', async () => {
    const driver = new TestDriver(pipeline('p', rows().pipe(sinkKafka('out', { partitions: 1 }))));
    await driver.createTopic('in', 1);
    await driver.start('drain');
    expect((await driver.finish()).drained).toBe(true);
    await expect(driver.start()).rejects.toMatchObject({ code: 'DRAINED' });
  });

  it('computes a branching stream once and gives it to every branch', async () => {
    let calls = 0;
    const counted = rows().pipe(
      map((row) => {
        calls++;
        return row;
      }),
    );
    const of = pipeline(
      'p',
      counted.pipe(sinkKafka('a')),
      counted.pipe(
        enrich((row) => ({ n: row.n + 1 })),
        sinkKafka('b'),
      ),
    );
    const driver = await driven(of, [{ n: 1 }]);
    expect(calls).toBe(1);
    // The second branch must not change what the first has been given.
    expect(await driver.readJson('a')).toEqual([{ n: 1 }]);
    expect(await driver.readJson('b')).toEqual([{ n: 2 }]);
    await driver.stop();
  });

  it('merges two topics', async () => {
    const both = merge(kafka('a'), kafka('b')).pipe(
      map((record) => `${record.topic}${record.offset}`),
      sinkKafka('out', { partitions: 1 }),
    );
    const driver = new TestDriver(pipeline('p', both));
    await driver.start();
    await driver.append('a', [{ value: 'x' }]);
    await driver.append('b', [{ value: 'y' }, { value: 'z' }]);
    await driver.settle();
    expect(new Set(await driver.readJson('out'))).toEqual(new Set(['a0', 'b0', 'b1']));
    await driver.stop();
  });

  it('expands a record into several and counts the fan-out by itself', async () => {
    const of = pipeline(
      'p',
      rows().pipe(
        flatMap((row) => Array.from({ length: row.n }, (_, i) => i)),
        sinkKafka('out', { partitions: 1 }),
      ),
    );
    const driver = await driven(of, [{ n: 0 }, { n: 3 }]);
    expect(driver.counts('flatMap')).toMatchObject({ in: 2, passed: 1, filtered: 1, emitted: 3 });
    await driver.stop();
  });

  it('refuses a plan that another plan has a checkpoint for', async () => {
    const store = new CrashStore();
    const first = new TestDriver(pipeline('p', { version: 1 }, rows().pipe(sinkKafka('out', { partitions: 1 }))), {
      store,
    });
    await first.start('once');
    await first.finish();
    const second = new TestDriver(pipeline('p', { version: 2 }, rows().pipe(sinkKafka('out', { partitions: 1 }))), {
      store,
    });
    await expect(second.start()).rejects.toMatchObject({ code: 'PLAN_CHANGED' });
  });

  it('stops when more is rejected than allowed, and says where', async () => {
    const driver = new TestDriver(pipeline('p', rows().pipe(sinkKafka('out', { partitions: 1 }))), {
      maxRejectRatio: 0.5,
    });
    await driver.createTopic('in', 1);
    await driver.start();
    await driver.append(
      'in',
      Array.from({ length: 2_000 }, () => ({ value: 'not json' })),
    );
    await expect(driver.settle()).rejects.toMatchObject({ code: 'REJECT_RATIO', place: { operator: 'decodeJson' } });
  });
});

describe('asynchronous steps', () => {
  it('keep the order of records and reject those that time out', async () => {
    const of = pipeline(
      'p',
      rows().pipe(
        enrichAsync(
          async (row, { signal }) => {
            if (row.n === 2)
              await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
            if (row.n === 1) await Promise.resolve();
            return { seen: true };
          },
          { timeoutMs: 100, concurrency: 4 },
        ),
        toDLQ('slow'),
        sinkKafka('out', { partitions: 1 }),
      ),
    );
    const driver = await driven(of, [{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await driver.readJson('out')).toEqual([
      { n: 1, seen: true },
      { n: 3, seen: true },
    ]);
    expect(driver.counts('enrichAsync')).toMatchObject({ in: 3, passed: 2, rejected: 1 });
    await driver.stop();
  });
});

describe('rx', () => {
  const withOperator = (operator: Parameters<typeof rx<Row, unknown>>[0], stateless = true) =>
    pipeline('p', rows().pipe(rx(operator, { stateless }), sinkKafka('out', { partitions: 1 })));

  it('applies an RxJS operator to single values in place', async () => {
    const driver = await driven(withOperator(concatMap((row) => [row.n, row.n * 10])), [{ n: 1 }, { n: 2 }]);
    expect(await driver.readJson('out')).toEqual([1, 10, 2, 20]);
    await driver.stop();
  });

  it('is refused under exactly-once unless it is said to remember nothing', async () => {
    const driver = new TestDriver(
      withOperator(
        scan((sum, row) => sum + row.n, 0),
        false,
      ),
    );
    await expect(driver.start()).rejects.toMatchObject({ code: 'PLAN_INVALID', place: { operator: 'rx' } });
  });

  it('stops the pipeline when the operator completes', async () => {
    await expect(driven(withOperator(take(1)), [{ n: 1 }, { n: 2 }])).rejects.toMatchObject({
      code: 'OPERATOR_CONTRACT',
      message: 'the RxJS operator given to rx() completed',
    });
  });

  it('stops the pipeline when the operator emits later than its input', async () => {
    const run = async () => {
      const driver = await driven(withOperator(debounceTime(1)), [{ n: 1 }]);
      for (;;) await driver.settle();
    };
    await expect(run()).rejects.toMatchObject({ code: 'OPERATOR_CONTRACT' });
  });
});
