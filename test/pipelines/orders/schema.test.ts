import { describe, expect, it } from 'vitest';
import { Order, PRODUCT_NAMES } from '../../../pipelines/orders/schema.ts';

const GOOD = {
  order_id: 'order-1-0',
  user_id: 'user-1',
  product_id: 'prod-1',
  amount: 12.5,
  timestamp: '2024-02-29T12:00:00.000Z',
};

/** JSON as it comes from the log: some values can be written there only as text. */
const withAmount = (json: string): unknown => JSON.parse(JSON.stringify(GOOD).replace('12.5', json));
const without = (field: keyof typeof GOOD): unknown => ({ ...GOOD, [field]: undefined });
const issuesOf = (value: unknown) => {
  const result = Order['~standard'].validate(value);
  if (result instanceof Promise) throw new Error('validation must be synchronous');
  return result.issues?.map(({ path }) => path?.[0]);
};

describe('the schema of orders', () => {
  it.each([
    ['a good order', GOOD],
    ['the smallest amount', withAmount('5e-324')],
    ['the largest amount', withAmount('1000000')],
    ['a whole amount', withAmount('1')],
    ['an amount with more than two decimals', withAmount('0.005')],
    ['a timestamp that is no time: watermark() rejects it', { ...GOOD, timestamp: 'yesterday' }],
    ...Object.keys(PRODUCT_NAMES).map((id) => [id, { ...GOOD, product_id: id }] as const),
  ] as [string, unknown][])('accepts %s', (_, value) => {
    expect(issuesOf(value)).toBeUndefined();
  });

  it.each([
    ['amount', 'zero', withAmount('0')],
    ['amount', 'minus zero', withAmount('-0')],
    ['amount', 'a negative amount', withAmount('-12.5')],
    ['amount', 'an amount that overflows to infinity', withAmount('1e999')],
    ['amount', 'an amount beyond the bound', withAmount('1000000.01')],
    ['amount', 'NaN', { ...GOOD, amount: Number.NaN }],
    ['amount', 'a string', withAmount('"12"')],
    ['amount', 'null', withAmount('null')],
    ['amount', 'true', withAmount('true')],
    ['amount', 'an array of a number', withAmount('[12.5]')],
    ['product_id', 'an unknown product', { ...GOOD, product_id: 'prod-6' }],
    ['product_id', 'a name that every object has', { ...GOOD, product_id: 'constructor' }],
    ['product_id', '__proto__', { ...GOOD, product_id: '__proto__' }],
    ['product_id', 'a product in capitals', { ...GOOD, product_id: 'PROD-1' }],
    ['order_id', 'an empty id', { ...GOOD, order_id: '' }],
    ['order_id', 'a number for an id', { ...GOOD, order_id: 7 }],
    ['user_id', 'an empty user', { ...GOOD, user_id: '' }],
    ['timestamp', 'a number for a timestamp', { ...GOOD, timestamp: 1_709_208_000_000 }],
    ['timestamp', 'an empty timestamp', { ...GOOD, timestamp: '' }],
    ...(Object.keys(GOOD) as (keyof typeof GOOD)[]).map((field) => [field, `no ${field}`, without(field)] as const),
  ] as [string, string, unknown][])('names %s when it rejects %s', (field, _, value) => {
    expect(issuesOf(value)).toEqual([field]);
  });

  it.each([
    ['null', null],
    ['an array', [GOOD]],
    ['a string', 'order'],
    ['a number', 1],
    ['an empty object', {}],
  ])('rejects %s', (_, value) => {
    expect(issuesOf(value)).not.toBeUndefined();
  });

  it('does not take fields from the prototype that a document names', () => {
    const { amount, ...rest } = GOOD;
    const text = `${JSON.stringify(rest).slice(0, -1)},"__proto__":{"amount":${amount}}}`;
    expect(issuesOf(JSON.parse(text))).toEqual(['amount']);
  });

  it('keeps fields that it does not know', () => {
    const value = { ...GOOD, coupon: 'SPRING', constructor: 1 };
    expect(Order['~standard'].validate(value)).toEqual({ value });
  });

  it('lets go a field that would become the prototype of a copy', () => {
    const value: unknown = JSON.parse(`${JSON.stringify(GOOD).slice(0, -1)},"__proto__":{"coupon":"SPRING"}}`);
    const result = Order['~standard'].validate(value);
    if (result instanceof Promise || result.issues !== undefined) throw new Error('must be valid');
    expect(Object.keys(result.value)).toEqual(Object.keys(GOOD));
    expect(Object.getPrototypeOf(result.value)).toBe(Object.prototype);
  });
});
