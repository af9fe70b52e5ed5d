import { describe, expect, it } from 'vitest';
import { escaped, hexLines, isShowable } from '../../../src/runtime/cli/bytes-text.ts';

describe('bytes for people', () => {
  it.each<[string, Uint8Array, boolean]>([
    ['a text', Buffer.from('{"a":"ü€😀"}\n\tx\r\n'), true],
    ['nothing', Buffer.alloc(0), true],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe]), false],
    ['a NUL', Buffer.from('a\u0000b'), false],
    ['what a terminal obeys', Buffer.from('\u001b[2Jx'), false],
    ['a control character of eight bits', Buffer.from('\u009b2J'), false],
    ['a mark that turns the text around', Buffer.from('a\u202eb'), false],
  ])('are text or not: %s', (_, bytes, expected) => {
    expect(isShowable(bytes)).toBe(expected);
  });

  it('are given in hexadecimal, sixteen a line', () => {
    expect(hexLines(Buffer.from('0123456789abcdefü\n'))).toEqual([
      '00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|',
      '00000010  c3 bc 0a                                         |...|',
    ]);
    expect(hexLines(Buffer.alloc(0))).toEqual([]);
  });

  it('lose their hold on a terminal where they are texts in a line', () => {
    expect(escaped('a\u001b[31mb\nc\u202e')).toBe(String.raw`a\u001b[31mb\u000ac\u202e`);
  });
});
