import { describe, expect, it } from 'vitest';
import {
  count,
  decodeJson,
  filter,
  keyBy,
  lateTo,
  map,
  sinkJsonl,
  sinkKafka,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import { kafka, merge, pipeline } from 'millrace';
import { fingerprintDifferences, planOf } from '../../src/core/plan.ts';
import { throwsAreRejected } from '../../src/core/plan-rejections.ts';
import type { MillraceError } from '../../src/core/errors.ts';

function failure(run: () => unknown): MillraceError {
  try {
    run();
  } catch (thrown) {
    return thrown as MillraceError;
  }
  throw new Error('nothing was thrown');
}

const windows = (name: string) =>
  kafka('in').pipe(
    decodeJson(),
    watermark({ eventTime: () => 0, outOfOrdernessMs: 0 }),
    toDLQ('dlq'),
    keyBy(() => 'k'),
    tumblingWindow(name, { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }),
  );

describe('planOf', () => {
  it('computes a stream that is used twice once', () => {
    const lengths = kafka('in').pipe(map((record) => record.offset));
    const plan = planOf([lengths.pipe(sinkKafka('a')), lengths.pipe(sinkKafka('b'))]);
    expect(plan.nodes.map(({ id }) => id)).toEqual(['kafka(in)', 'map', 'sinkKafka(a)', 'sinkKafka(b)']);
  });

  it('numbers steps that would have the same id', () => {
    const plan = planOf([
      kafka('in').pipe(
        map((record) => record.offset),
        map((offset) => offset + 1),
        sinkKafka('out'),
      ),
    ]);
    expect(plan.nodes.map(({ id }) => id)).toEqual(['kafka(in)', 'map', 'map#2', 'sinkKafka(out)']);
  });

  it('refuses rejections that reach a sink', () => {
    const error = failure(() => planOf([kafka('in').pipe(decodeJson(), sinkKafka('out'))]));
    expect(error).toMatchObject({ code: 'PLAN_INVALID', place: { operator: 'sinkKafka(out)' } });
    expect(error.message).toContain('some rejections have nowhere to go: DecodeError');
    expect(error.hint).toBe('add toDLQ() above this sink');
  });

  it('names lateTo() alone where only late records are left, and both where others are, too', () => {
    const late = failure(() => planOf([windows('w').pipe(sinkKafka('out'))]));
    expect(late.message).toContain('some rejections have nowhere to go: LateRecord');
    expect(late.hint).toBe('add lateTo() above this sink');
    const decoded = kafka('in').pipe(
      decodeJson(),
      watermark({ eventTime: () => 0, outOfOrdernessMs: 0 }),
      keyBy(() => 'k'),
      tumblingWindow('w', { sizeMs: 1_000, graceMs: 0, aggregate: { n: count() } }),
    );
    const both = failure(() => planOf([decoded.pipe(sinkKafka('out'))]));
    expect(both.hint).toBe('add toDLQ(), or lateTo() and toDLQ() to keep late records apart, above this sink');
  });

  it('refuses names that the keys of the state have no room for, and says how long they may be', () => {
    const name = 'n'.repeat(255);
    expect(planOf([windows(name).pipe(lateTo('late'), sinkKafka('out'))]).fingerprint.stateful).toHaveProperty(name);
    const error = failure(() => planOf([windows(`${name}n`).pipe(lateTo('late'), sinkKafka('out'))]));
    expect(error).toMatchObject({ code: 'PLAN_INVALID' });
    expect(error.message).toContain('the name of a tumblingWindow has 256 bytes, and may have 255');
    const copy = kafka('in').pipe(sinkKafka('out'));
    expect(failure(() => pipeline('ä'.repeat(128), copy)).code).toBe('PLAN_INVALID');
    expect(failure(() => pipeline('n'.repeat(256), copy)).message).toContain('the name of the pipeline has 256 bytes');
    expect(failure(() => pipeline('p', { group: 'g'.repeat(256) }, copy)).message).toContain(
      "the group of pipeline 'p'",
    );
  });

  it('refuses two numbers of partitions for one topic', () => {
    const lines = kafka('in');
    const error = failure(() =>
      planOf([lines.pipe(sinkKafka('out', { partitions: 2 })), lines.pipe(sinkKafka('out', { partitions: 4 }))]),
    );
    expect(error).toMatchObject({ code: 'PLAN_INVALID', place: { operator: 'sinkKafka(out)#2' } });
    expect(error.message).toBe('sinkKafka(out)#2 would create topic out with 4 partitions, and sinkKafka(out) with 2');
  });

  it('takes the number of partitions that was written, wherever it was', () => {
    const lines = kafka('in');
    const plan = planOf([
      lines.pipe(sinkKafka('out', { partitions: 2 })),
      lines.pipe(decodeJson(), toDLQ('out'), sinkKafka('out')),
      kafka('out').pipe(sinkKafka('in', { partitions: 5 })),
    ]);
    const partitions = plan.topics.map(({ use, topic, partitions }) => `${use} ${topic} ${partitions}`);
    expect(partitions.toSorted()).toEqual(['read in 5', 'read out 2', 'write in 5', 'write out 2']);
    expect(plan.topics.find(({ topic, use }) => topic === 'out' && use === 'write')).toHaveProperty('recordBytes');
  });

  it('refuses to branch a stream with unhandled rejections', () => {
    const decoded = kafka('in').pipe(decodeJson());
    const error = failure(() =>
      planOf([decoded.pipe(toDLQ('dlq'), sinkKafka('a')), decoded.pipe(toDLQ('dlq'), sinkKafka('b'))]),
    );
    expect(error.message).toContain('decodeJson is used 2 times with unhandled rejections');
  });

  it('lets a throw be rejected where a DLQ stands below, and stop the pipeline where none does', () => {
    const plan = planOf([
      kafka('in').pipe(
        filter((record) => record.offset > 0),
        toDLQ('dlq'),
        map((record) => record.offset),
        sinkKafka('out'),
      ),
    ]);
    const rejected = Object.fromEntries(plan.nodes.map((node) => [node.id, throwsAreRejected(node)]));
    expect(rejected).toMatchObject({ filter: true, map: false });
  });

  it("refuses onThrow: 'reject' without a DLQ below", () => {
    const plan = planOf([
      kafka('in').pipe(
        map((record) => record.offset, { onThrow: 'reject' }),
        sinkKafka('out'),
      ),
    ]);
    expect(failure(() => throwsAreRejected(plan.nodes[1])).message).toContain("onThrow: 'reject' and no toDLQ() below");
  });

  it('refuses at run time what has no sink, is a list, or is nothing, as files are run without their types', () => {
    const lines = kafka('in').pipe(decodeJson(), toDLQ('in-dlq'));
    const sealed = lines.pipe(sinkJsonl('a.jsonl'));
    const given = pipeline as unknown as (name: string, ...rest: unknown[]) => { build(values: object): unknown };
    const refusal = (...rest: unknown[]) => failure(() => given('files', ...rest).build({}));
    expect(refusal(lines).message).toBe("pipeline 'files' was given something that is not a stream with a sink");
    expect(refusal({}, () => lines).hint).toBe('end each stream with a sink, such as sinkKafka() or sinkJsonl()');
    expect(refusal([sealed]).message).toBe("pipeline 'files' was given a list");
    expect(refusal([sealed]).hint).toBe("give the streams one after the other: pipeline('files', a, b)");
    for (const nothing of [[], [{}], [{}, () => []]]) {
      expect(refusal(...nothing)).toMatchObject({ code: 'PLAN_INVALID', message: "pipeline 'files' has no stream" });
    }
  });

  it('refuses two sinks on one file', () => {
    const offsets = kafka('in').pipe(map((record) => record.offset));
    const error = failure(() => planOf([offsets.pipe(sinkJsonl('out.jsonl')), offsets.pipe(sinkJsonl('out.jsonl'))]));
    expect(error.message).toBe('sinkJsonl(out.jsonl)#2 and sinkJsonl(out.jsonl) would both write out.jsonl');
  });

  it('joins the edges of a merge', () => {
    const plan = planOf([merge(kafka('a'), kafka('b')).pipe(sinkKafka('out', { value: (record) => record.value }))]);
    expect(plan.edges).toContainEqual({ from: 'kafka(b)', to: 'merge' });
  });
});

describe('fingerprintDifferences', () => {
  const before = { version: 1, sources: ['a'], stateful: { w: 'tumblingWindow {"sizeMs":1}' }, shape: 'x' };

  it('lets additions pass', () => {
    const now = { ...before, sources: ['a', 'b'], stateful: { ...before.stateful, more: 'k {}' }, shape: 'y' };
    expect(fingerprintDifferences(before, now, [])).toEqual([]);
  });

  it('spells out a window of another size, a lost source and another version', () => {
    const now = { version: 2, sources: [], stateful: { w: 'tumblingWindow {"sizeMs":2}' }, shape: 'y' };
    expect(fingerprintDifferences(before, now, [])).toEqual([
      'version was 1 and is 2',
      "source 'a' is no longer read",
      '\'w\' was tumblingWindow {"sizeMs":1} and is tumblingWindow {"sizeMs":2}',
    ]);
  });

  it('lets the state of a dropped operator go', () => {
    expect(fingerprintDifferences(before, { ...before, stateful: {} }, [])[0]).toContain('--drop-state w');
    expect(fingerprintDifferences(before, { ...before, stateful: {} }, ['w'])).toEqual([]);
  });

  it('refuses two readers of one topic, and says how to use one twice', () => {
    const copy = (to: string) => kafka('in').pipe(sinkKafka(to));
    expect(() => planOf([copy('a'), copy('b')])).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID', message: 'kafka(in) and kafka(in)#2 both read topic in' }),
    );
  });
});
