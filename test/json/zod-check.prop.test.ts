import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { zodCheck } from '../../src/json/zod-check.ts';
import { Order } from '../../pipelines/orders/schema.ts';
import { CAN_COMPILE } from './can-compile.ts';

const fields = {
  id: z.string().min(1).max(4),
  amount: z.number().positive().lte(100),
  share: z.number().gte(-1).lt(1),
  ok: z.boolean(),
  size: z.enum(['s', 'm', 'l']),
  kind: z.literal('card'),
};
const schemas = [z.object(fields), z.looseObject(fields), z.strictObject(fields)];

const good = fc.record({
  id: fc.stringMatching(/^[a-z]{1,4}$/),
  amount: fc.constantFrom(1, 0.5, 100),
  share: fc.constantFrom(-1, 0, 0.99),
  ok: fc.boolean(),
  size: fc.constantFrom('s', 'm', 'l'),
  kind: fc.constant('card'),
});
const odd = fc.oneof(
  fc.constantFrom('', 'abcde', 0, -1, 1, 100.1, Number.NaN, Infinity, null, undefined, 's', 'card', 1n),
  fc.anything(),
);
const changed = fc
  .tuple(
    good,
    fc.array(fc.tuple(fc.constantFrom(...Object.keys(fields), 'more', '7'), odd), { maxLength: 2 }),
    fc.boolean(),
  )
  .map(([value, changes, turned]) => {
    const made: Record<string, unknown> = { ...value };
    for (const [name, each] of changes) made[name] = each;
    return turned ? Object.fromEntries(Object.entries(made).toReversed()) : made;
  });

/** A type of somebody's own that calls itself a text, and takes none. */
const NoText = z.core.$constructor<z.ZodString>('NoText', (inst, def) => {
  z.ZodString.init(inst, def);
  const { ['_zod']: internals } = inst;
  internals.parse = (payload) => {
    payload.issues.push({ code: 'custom', message: 'no', input: payload.value, inst } as never);
    return payload;
  };
});

describe.runIf(CAN_COMPILE)('zodCheck', () => {
  it('accepts only what zod accepts and gives back as it was, field order included', () => {
    let accepted = 0;
    for (const schema of schemas) {
      const check = zodCheck(schema)!;
      fc.assert(
        fc.property(fc.oneof(changed, fc.anything()), (value) => {
          if (!check(value)) return;
          accepted++;
          const { data } = schema.safeParse(value);
          expect(Object.entries(data!)).toEqual(Object.entries(value as object));
        }),
        { seed: 3, numRuns: 3_000 },
      );
    }
    expect(accepted).toBeGreaterThan(500);
  });

  it.each(['\u{1f600}', 'a\u{1f600}', '\u{1f600}\u{1f600}', 'ab', 'a', 'abc'])(
    'counts the length of %j as zod does',
    (text) => {
      for (let n = 0; n < 6; n++) {
        for (const schema of [z.object({ text: z.string().min(n) }), z.object({ text: z.string().max(n) })]) {
          const isAccepted = zodCheck(schema)!({ text });
          if (isAccepted) expect(schema.safeParse({ text }).success).toBe(true);
        }
      }
      expect(
        zodCheck(
          z.object({
            text: z
              .string()
              .min(text.length / 2)
              .max(text.length),
          }),
        )!({ text }),
      ).toBe(true);
    },
  );

  it('accepts what is good', () => {
    const order = { order_id: 'o', user_id: 'u', product_id: 'prod-1', amount: 1, timestamp: '2024-01-01T00:00:00Z' };
    expect(zodCheck(Order)!(order)).toBe(true);
    expect(zodCheck(Order)!({ ...order, amount: 0 })).toBe(false);
    expect(zodCheck(Order)!({ ...order, note: 'x' })).toBe(false);
  });

  it('accepts nothing by a check that zod leaves out', () => {
    const schema = z.object({ a: z.string().min(3, { when: () => false } as never) });
    const values = ['', 'ab', 'abc'].map((a) => ({ a }));
    const accepted = values.filter((value) => zodCheck(schema)!(value));
    expect(accepted).toEqual([{ a: 'abc' }]);
    expect(values.every((value) => schema.safeParse(value).success)).toBe(true);
  });

  it('leaves a schema to zod that does more than it knows', () => {
    const more = [
      z.string().email(),
      z.email(),
      z.int(),
      z.number().int(),
      z.string().trim(),
      z.coerce.number(),
      z.string().refine((text) => text !== 'x'),
      z.string().optional(),
      z.string().default('x'),
      z.string().transform(Number),
      z.string().nullable(),
      z.string().pipe(z.string()),
      z.object({ a: z.string() }),
      z.date(),
      z.literal(7),
      z.enum({ A: 0, B: 1 } as const),
      z.templateLiteral(['a']),
    ];
    for (const field of more) expect(zodCheck(z.object({ a: z.string(), field }))).toBeUndefined();
    expect(zodCheck(z.object({ a: z.string() }).refine(() => true))).toBeUndefined();
    expect(zodCheck(z.string())).toBeUndefined();
    expect(zodCheck(z.object({}))).toBeUndefined();
    expect(zodCheck(z.object({ a: z.string(), [Symbol('s')]: z.string() } as never))).toBeUndefined();
    expect(zodCheck(z.object({ a: new NoText({ type: 'string' } as never) }))).toBeUndefined();
    const other = Object.create(z.object({ a: z.string() }), {
      '~standard': { value: { vendor: 'other', version: 1, validate: () => ({ issues: [{ message: 'no' }] }) } },
    }) as z.ZodType;
    expect(zodCheck(other)).toBeUndefined();
    expect(zodCheck(undefined)).toBeUndefined();
  });
});
