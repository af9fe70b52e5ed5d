import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { describeColumns } from '../../src/arrow/columns.ts';
import { columnsOf } from '../../src/arrow/columns-of.ts';

describe('columnsOf', () => {
  it('finds the column of every kind of field in a zod schema', () => {
    const Item = z.object({ sku: z.string(), count: z.int32() });
    const schema = z.object({
      id: z.uuid(),
      at: z.iso.datetime(),
      day: z.iso.date(),
      made: z.date(),
      n: z.int(),
      small: z.int().min(0).lt(100),
      edge: z
        .int()
        .min(-(2 ** 31))
        .max(2 ** 31 - 1),
      beyond: z
        .int()
        .min(0)
        .max(2 ** 31),
      big: z.bigint(),
      ratio: z.number(),
      yes: z.boolean(),
      status: z.enum(['new', 'done']),
      code: z.literal([1, 2]),
      maybe: z.string().nullable(),
      missing: z.number().optional(),
      filled: z.string().default(''),
      items: z.array(Item),
      first: Item.nullish(),
      either: z.union([z.int32(), z.number()]),
    });
    expect(describeColumns(columnsOf(schema))).toBe(
      'id utf8, at timestamp, day utf8, made timestamp, n int64, small int32, edge int32, beyond int64, big int64, ratio float64, ' +
        'yes bool, status utf8, code float64, maybe utf8?, missing float64?, filled utf8, ' +
        'items list(struct(sku utf8, count int32)), first struct(sku utf8, count int32)?, either float64',
    );
  });

  it('finds them in an arktype schema', () => {
    const schema = type({
      id: 'string.uuid',
      n: 'number.integer',
      'small?': '0 <= number.integer <= 10',
      x: 'number | null',
      yes: 'boolean',
      tags: 'string[]',
      place: { lat: 'number', 'zip?': 'string' },
      kind: "'a' | 'b' | null",
    });
    const { place, ...others } = columnsOf(schema);
    expect(describeColumns({ place })).toBe('place struct(lat float64, zip utf8?)');
    const found = Object.entries(others).map(([name, column]) => describeColumns({ [name]: column }));
    expect(found.toSorted()).toEqual([
      'id utf8',
      'kind utf8?',
      'n int64',
      'small int32?',
      'tags list(utf8)',
      'x float64?',
      'yes bool',
    ]);
  });

  it('finds what a schema refers to by name', () => {
    const Place = z.object({ city: z.string() }).meta({ id: 'place' });
    const columns = columnsOf(z.object({ from: Place, to: Place.nullable() }));
    expect(describeColumns(columns)).toBe('from struct(city utf8), to struct(city utf8)?');
  });

  it.each([
    ['any value', z.object({ ok: z.string(), a: z.any() }), "the field 'a' is of no type that JSON Schema can name"],
    ['a transform', z.object({ a: z.string().transform(Number) }), "the field 'a' is of no type"],
    ['text or number', z.object({ a: z.union([z.string(), z.number()]) }), "the field 'a' is either utf8 or float64"],
    ['a tuple', z.object({ a: z.tuple([z.string(), z.number()]) }), "the field 'a' is a tuple"],
    [
      'a map',
      z.object({ a: z.record(z.string(), z.string()) }),
      "the field 'a' is an object whose fields have no names",
    ],
    ['an object with nothing in it', z.object({ a: z.object({}) }), "the field 'a' is an object without named fields"],
    ['null alone', z.object({ a: z.null() }), "the field 'a' is always null"],
    ['an array of anything', z.object({ a: z.array(z.unknown()) }), "the field 'a' is of no type"],
    ['text at the root', z.string(), 'what it lets through is not an object'],
    ['a union at the root', z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]), 'is one of 2 kinds'],
    ['two fields at once', z.object({ a: z.any(), b: z.null() }), "; the field 'b' is always null"],
  ])('refuses %s, and names the field', (_, schema, words) => {
    expect(() => columnsOf(schema)).toThrow(words);
    expect(() => columnsOf(schema)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }));
  });

  it('refuses a schema that is made of itself', () => {
    const Node = z.object({
      name: z.string(),
      get children() {
        return z.array(Node);
      },
    });
    expect(() => columnsOf(Node)).toThrow("the field 'children' is made of itself");
  });

  it('refuses a library that gives no JSON Schema', () => {
    expect(() => columnsOf(v.object({ a: v.string() }))).toThrow('valibot gives no Standard JSON Schema');
  });

  it('leaves out what is omitted, whether a column would fit it or not', () => {
    const schema = z.object({ a: z.string(), b: z.any(), c: z.int32() });
    expect(describeColumns(columnsOf(schema, ['b', 'c']))).toBe('a utf8');
  });
});
