import { describe, expect, it } from 'vitest';
import { encodeDlqRecord } from '../../../src/core/dlq-record.ts';
import { RecordBatchBuilder } from '../../../src/core/batch-builder.ts';
import { meets, parseCondition } from '../../../src/runtime/dlq/conditions.ts';
import { type Letter, letterAt } from '../../../src/runtime/dlq/letters.ts';
import { failure, plain } from './world.ts';

const headers = [
  { key: 'source', value: Buffer.from('web') },
  { key: 'dlq_redriven_at', value: Buffer.from('2024-02-29T11:00:00.000Z') },
  { key: 'dlq_attempt', value: Buffer.from('2') },
];
const failed = encodeDlqRecord(
  plain('{"user":{"id":42,"name":"Ann=Bo"},"amount":-1.5,"none":null}', { headers }),
  failure(),
);

function letter(record = failed): Letter {
  const builder = new RecordBatchBuilder('dlq', 0);
  builder.add(record.key, record.value, 1, record.headers);
  return letterAt(builder.finish(), 0);
}

describe('a condition', () => {
  it.each([
    ['kind=DecodeError', true],
    ['kind!=DecodeError', false],
    ['step=validate', false],
    ['reason~good', true],
    ['reason~bad', false],
    ['topic=in', true],
    ['partition=1', true],
    ['offset>=7', true],
    ['offset<=6', false],
    ['offset>=10', false],
    ['key=k', true],
    ['attempt=2', true],
    ['attempt<=1', false],
    ['failed_at>=2024-02-29T12:00:00Z', true],
    ['failed_at>=2024-02-29T13:00:00+01:00', true],
    ['failed_at<=2024-02-29', false],
    ['header.source=web', true],
    ['header.other=web', false],
    ['header.other!=web', true],
    ['payload.user.id=42', true],
    ['payload.user.id>=9', true],
    ['payload.user.name=Ann=Bo', true],
    ['payload.amount<=0', true],
    ['payload.none=null', true],
    ['payload.user.missing=1', false],
    ['payload.toString=1', false],
  ])('%s: %s', (text, expected) => {
    expect(meets(letter(), [parseCondition(text)!])).toBe(expected);
  });

  it('holds together with all others', () => {
    const conditions = ['kind=DecodeError', 'partition=2'].map((text) => parseCondition(text)!);
    expect(meets(letter(), conditions)).toBe(false);
    expect(meets(letter(), [])).toBe(true);
  });

  it('asks nothing of a payload that is no JSON, or of a record in another shape', () => {
    const text = encodeDlqRecord(plain('{"user":'), failure());
    expect(meets(letter(text), [parseCondition('payload.user~a')!])).toBe(false);
    expect(meets(letter(plain('x')), [parseCondition('reason~a')!])).toBe(false);
    expect(meets(letter(plain('x')), [parseCondition('key=k')!])).toBe(true);
  });

  it.each(['kind', '=x', 'colour=red', 'header.=x', 'payload.=x', '', 'toString=x'])('is none: %s', (text) => {
    expect(parseCondition(text)).toBeUndefined();
  });
});
