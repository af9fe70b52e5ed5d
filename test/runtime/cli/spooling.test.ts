import { describe, expect, it } from 'vitest';
import { plainKafka } from '../../../src/kafka/kafka-config.ts';
import type { GeneratorFlags } from '../../../src/runtime/cli/flags.ts';
import { forwardingText, kafkaFor, spoolOf } from '../../../src/runtime/cli/spooling.ts';
import type { Generator } from '../../../src/runtime/generator.ts';
import { generator } from './fixtures.ts';

const kafka = plainKafka('localhost:9092')!;
const places = { stateDir: '/data/.millrace', cwd: '/here' };

describe('the compression of what a generator writes', () => {
  const packed: Generator = { ...generator, compression: 'gzip' };

  it("is the generator's own, unless a flag or a variable names one", () => {
    expect(kafkaFor(packed, kafka, {}, {})).toEqual({ ...kafka, compression: 'gzip' });
    expect(kafkaFor(packed, kafka, { compression: 'none' }, {})).toBe(kafka);
    expect(kafkaFor(packed, kafka, {}, { MILLRACE_COMPRESSION: 'lz4' })).toBe(kafka);
    expect(kafkaFor(generator, kafka, {}, {})).toEqual(kafka);
    expect(kafkaFor(packed, undefined, {}, {})).toBeUndefined();
  });
});

describe('the spool of a generator', () => {
  it('lies in the state directory, named for the topic, unless told otherwise', () => {
    const plain = { folder: '/data/.millrace/spool/orders', maxBytes: 1_073_741_824, whenFull: 'block' };
    expect(spoolOf({}, kafka, { topic: 'orders' }, places)).toEqual(plain);
    const flags = { spool: 'there', spoolBytes: 5_000, spoolFull: 'reject' } as const;
    const told = { folder: '/here/there', maxBytes: 5_000, whenFull: 'reject' };
    expect(spoolOf(flags, kafka, { topic: 'orders' }, places)).toEqual(told);
    const own = { topic: 'orders', spool: 'buffer.jsonl' };
    const inOneFile = {
      folder: '/data/.millrace/spool/buffer.jsonl',
      file: '/data/buffer.jsonl',
      maxBytes: 67_108_864,
    };
    expect(spoolOf({}, kafka, own, places)).toEqual({ ...plain, ...inOneFile });
    expect(spoolOf(flags, kafka, own, places)).toEqual(told);
  });

  it('is not there on the embedded log, through kafkajs, or where it was declined', () => {
    expect(spoolOf({}, undefined, { topic: 'orders' }, places)).toBeUndefined();
    expect(spoolOf({}, { ...kafka, client: 'kafkajs' }, { topic: 'orders' }, places)).toBeUndefined();
    expect(spoolOf({ spool: false }, kafka, { topic: 'orders' }, places)).toBeUndefined();
  });

  it.each<[GeneratorFlags, typeof kafka | undefined, string]>([
    [{ spool: 'x' }, undefined, '--spool: there is no spool on the embedded log'],
    [{ spoolBytes: 1 }, { ...kafka, client: 'kafkajs' }, '--spool-bytes: there is no spool through kafkajs'],
    [{ spool: false, spoolFull: 'block' }, kafka, '--spool-full and --no-spool exclude each other'],
  ])('refuses %j where it says nothing', (flags, place, message) => {
    expect(() => spoolOf(flags, place, { topic: 'orders' }, places)).toThrow(message);
  });

  it('tells what happens in a line each', () => {
    expect(forwardingText({ kind: 'down', reason: 'connection refused' })).toBe(
      'Kafka down, buffering: connection refused',
    );
    expect(forwardingText({ kind: 'back', buffered: 1 })).toBe('Kafka is back, sending 1 buffered record');
    expect(forwardingText({ kind: 'leftover', buffered: 2_000 })).toBe(
      'sending 2,000 buffered records of an earlier run first',
    );
    expect(forwardingText({ kind: 'drained' })).toBe('all buffered records are in Kafka');
    expect(forwardingText({ kind: 'full', bytes: 2_048, whenFull: 'block' })).toContain('full (2 KiB): waiting');
    expect(forwardingText({ kind: 'full', bytes: 2_048, whenFull: 'reject' })).toContain('dropping records');
  });
});
