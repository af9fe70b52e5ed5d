import { describe, expect, it } from 'vitest';
import { parseJson } from '../../src/core/json-rows.ts';

describe('parseJson', () => {
  it('takes no stack for a text that is no JSON, and leaves the limit of stacks as it was', () => {
    const limit = Error.stackTraceLimit;
    expect(parseJson('{"a":[1]}')).toEqual({ a: [1] });
    let thrown: unknown;
    try {
      parseJson('{"a":');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(SyntaxError);
    expect((thrown as Error).stack).not.toContain('\n    at ');
    expect(Error.stackTraceLimit).toBe(limit);
  });

  it('parses where the limit cannot be set', () => {
    const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')!;
    Object.defineProperty(Error, 'stackTraceLimit', { value: 10, writable: false, configurable: true });
    try {
      expect(parseJson('[1]')).toEqual([1]);
      expect(() => parseJson('[1')).toThrow(SyntaxError);
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', before);
    }
  });
});
