import { describe, expect, it } from 'vitest';
import { binary, bool, encodeThrift, i32, i64, list, struct, type ThriftStruct } from '../../src/parquet/thrift.ts';

describe('the compact protocol of Thrift', () => {
  it.each<[string, ThriftStruct, string]>([
    ['nothing', {}, '00'],
    ['a small number', { 1: i32(1) }, '150200'],
    ['a negative number', { 1: i32(-1) }, '150100'],
    ['a number of more than 32 bits', { 1: i64(2 ** 40) }, '1680808080804000'],
    ['ids with a gap', { 1: i32(0), 3: i32(0) }, '1500250000'],
    ['a field that is left out', { 1: undefined, 2: bool(true) }, '2100'],
    ['false', { 1: bool(false) }, '1200'],
    ['text', { 1: binary('é') }, '1802c3a900'],
    ['a list', { 1: list([i32(1), i32(2)]) }, '1925020400'],
    ['an empty list', { 1: list([]) }, '190c00'],
    ['a struct in a struct', { 1: struct({ 1: struct({}) }) }, '1c1c000000'],
  ])('writes %s', (_, value, hex) => {
    expect(Buffer.from(encodeThrift(value)).toString('hex')).toBe(hex);
  });

  it('puts the length of a long list behind its head', () => {
    const bytes = encodeThrift({ 1: list(Array.from({ length: 15 }, () => i32(0))) });
    expect(Buffer.from(bytes).toString('hex')).toBe(`19f50f${'00'.repeat(15)}00`);
  });
});
