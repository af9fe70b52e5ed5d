import * as fc from 'fast-check';
import { iso, parseIso } from 'millrace';
import { describe, expect, it } from 'vitest';

const RUNS = { numRuns: 3_000, seed: 20_240_104 };
const time = fc.oneof(
  fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }),
  fc.integer({ min: -100_000, max: 100_000 }),
);

function pad(value: number, digits: number): string {
  return `${Math.abs(value)}`.padStart(digits, '0');
}

describe('parseIso', () => {
  it('reads what toISOString writes, for every time', () => {
    fc.assert(
      fc.property(time, (t) => {
        expect(parseIso(new Date(t).toISOString())).toBe(t);
      }),
      RUNS,
    );
  });

  it('reads every zone and fraction as Date does', () => {
    const zone = fc.record({
      sign: fc.constantFrom('+', '-'),
      h: fc.nat(23),
      m: fc.nat(59),
      colon: fc.constantFrom(':', ''),
    });
    fc.assert(
      fc.property(time, zone, fc.integer({ min: 0, max: 999 }), (t, { sign, h, m, colon }, fraction) => {
        const local = new Date(t).toISOString().slice(0, -5);
        const written = `${local}.${pad(fraction, 3)}${sign}${pad(h, 2)}${colon}${pad(m, 2)}`;
        const standard = `${local}.${pad(fraction, 3)}${sign}${pad(h, 2)}:${pad(m, 2)}`;
        expect(parseIso(written)).toBe(Date.parse(standard));
      }),
      RUNS,
    );
  });

  it.each([
    ['2024-02-29T12:00:00Z', Date.UTC(2024, 1, 29, 12)],
    ['2024-02-29 12:00:00', Date.UTC(2024, 1, 29, 12)],
    ['2024-02-29T12:00:00.5+01:00', Date.UTC(2024, 1, 29, 11, 0, 0, 500)],
    ['2024-02-29T12:00:00.123456Z', Date.UTC(2024, 1, 29, 12, 0, 0, 123)],
    ['2024-02-29T12:00:00.999999999Z', Date.UTC(2024, 1, 29, 12, 0, 0, 999)],
    ['2024-02-29T12:00:00.1234567890123Z', Date.UTC(2024, 1, 29, 12, 0, 0, 123)],
    ['+275760-09-13T00:00:00.000Z', 8.64e15],
    ['-271821-04-20T00:00:00.000Z', -8.64e15],
    ['2024-02-29T12:00Z', Date.UTC(2024, 1, 29, 12)],
    ['2024-02-29T12:00:00+0530', Date.UTC(2024, 1, 29, 6, 30)],
    ['2024-02-29T12:00:00+05', Date.UTC(2024, 1, 29, 7)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['+012024-01-01T00:00:00Z', Date.parse('+012024-01-01T00:00:00Z')],
  ])('reads %s', (text, expected) => expect(parseIso(text)).toBe(expected));

  it.each([
    ['2023-02-29T00:00:00Z'],
    ['2024-02-30T00:00:00.000Z'],
    ['2024-13-01T00:00:00.000Z'],
    ['2024-00-01T00:00:00.000Z'],
    ['2024-01-01T24:00:00.000Z'],
    ['2024-01-01T23:60:00.000Z'],
    ['2024-01-01T23:59:60.000Z'],
    ['2024-01-01T00:00:0x.000Z'],
    ['2024-01-01T00:00:00.00xZ'],
    ['2024-01-01T00:00:00+24:00'],
    ['1900-02-29T00:00:00Z'],
    ['yesterday'],
    [''],
    [' 2024-01-01T00:00:00Z'],
    ['2024-01-01T00:00:00Zz'],
    ['2024-01-01T00:00:00 '],
    ['2024-01-01T00:00:00\n'],
    ['2024-01-01T00:00:00 +01:00'],
    ['-000000-01-01T00:00:00Z'],
    ['+999999-01-01T00:00:00Z'],
    ['+275760-09-13T00:00:00.001Z'],
    [1_704_067_200_000],
    [null],
    [undefined],
  ])('refuses %s', (text) => expect(parseIso(text)).toBeNaN());

  it('is not led astray by what it parsed before', () => {
    expect(parseIso('2024-01-01T00:00:00.000Z')).toBe(Date.UTC(2024, 0, 1));
    expect(parseIso('2024-01-01T00:00:61.000Z')).toBeNaN();
    expect(parseIso('2024-01-01T00:00:59.999Z')).toBe(Date.UTC(2024, 0, 1, 0, 0, 59, 999));
  });
});

describe('iso', () => {
  it('writes what toISOString writes, for every time', () => {
    fc.assert(
      fc.property(fc.oneof(time, fc.integer({ min: -8.64e15, max: 8.64e15 })), (t) => {
        expect(iso(t)).toBe(new Date(t).toISOString());
      }),
      RUNS,
    );
  });

  it('throws for a time that no Date can hold', () => {
    expect(() => iso(8.64e15 + 1_000)).toThrow(RangeError);
  });
});
