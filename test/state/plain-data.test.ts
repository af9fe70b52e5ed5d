import { afterEach, describe, expect, it, vi } from 'vitest';
import { pack, packShapes, unpack, unpackShapes } from '../../src/state/codec.ts';
import { KeyedStateTable } from '../../src/state/keyed-state.ts';
import { memoryStore } from '../../src/state/memory-store.ts';

class Point {
  readonly x = 1;
}

const cycle: { readonly name: string; self?: unknown } = { name: 'c' };
cycle.self = { back: [cycle] };

const PLAIN_DATA = 'objects, arrays, Maps, dates, strings, numbers, bigints, booleans and byte arrays';

function refusal(found: string): unknown {
  return expect.objectContaining({
    name: 'TypeError',
    message: `state must be plain data (${PLAIN_DATA}); found ${found}`,
  });
}

const REFUSED: readonly (readonly [what: string, value: unknown])[] = [
  ['a Float64Array', new Float64Array(2)],
  ['an Int8Array', new Int8Array(2)],
  ['a Uint8ClampedArray', new Uint8ClampedArray(2)],
  ['a DataView', new DataView(new ArrayBuffer(2))],
  ['an ArrayBuffer', new ArrayBuffer(2)],
  ['a Set', new Set([1])],
  ['a RegExp', /x/],
  ['an Error', new RangeError('x')],
  ['a Promise', Promise.resolve()],
  ['a Number', Object(1)],
  ['a function', () => 1],
  ['a function', Point],
  ['a symbol', Symbol('x')],
];

describe.each([
  ['pack', pack, unpack],
  ['packShapes', packShapes, unpackShapes],
])('%s', (_, packed, unpacked) => {
  it.each(REFUSED)('refuses %s, and says where in the value it is', (what, value) => {
    expect(() => packed(value)).toThrowError(refusal(what));
    expect(() => packed({ a: [1, { b: value }] })).toThrowError(refusal(`${what} under 'a.1.b'`));
    expect(() => packed({ m: new Map([['k', [value]]]) })).toThrowError(refusal(`${what} under 'm.k.0'`));
    expect(() => packed(new Map([[value, 1]]))).toThrowError(refusal(`${what} under '0'`));
    expect(() => packed({ t: Object.assign(new Point(), { toJSON: () => [value] }) })).toThrowError(
      refusal(`${what} under 't.toJSON().0'`),
    );
  });

  it('refuses a cycle, and takes an object that stands twice in a value', () => {
    expect(() => packed({ a: cycle })).toThrowError(refusal("a cycle under 'a.self.back.0'"));
    const twice = { x: 1 };
    expect(unpacked(packed([twice, { twice }]))).toStrictEqual([twice, { twice }]);
  });

  it('packs as before when it has refused', () => {
    const values = [{ a: 1, b: 'x' }, { a: 2, b: 'y' }, new Map([['k', { a: 3, b: 'z' }]])];
    const before = Buffer.from(packed(values));
    for (const [, value] of REFUSED) expect(() => packed([{ a: 1, b: value }, value])).toThrowError(TypeError);
    expect(Buffer.compare(packed(values), before)).toBe(0);
    expect(unpacked(packed(values))).toStrictEqual(values);
  });

  it('takes what has a form of its own, and objects of classes as plain ones', () => {
    const bare = Object.assign(Object.create(null) as object, { z: 1 });
    const value = [new Date(7), Buffer.of(1, 2), new Point(), bare, new URL('http://a/b')];
    expect(unpacked(packed(value))).toEqual([new Date(7), Buffer.of(1, 2), { x: 1 }, { z: 1 }, 'http://a/b']);
  });

  it('lets through what a toJSON throws', () => {
    const thrown = new Error('of the user');
    const toJSON = (): never => {
      throw thrown;
    };
    expect(() => packed([Object.assign(new Point(), { toJSON })])).toThrowError(thrown);
  });

  it('shows the beginning of a long path', () => {
    const refused = refusal(`a Set under '${'k'.repeat(100)}…'`);
    expect(() => packed({ ['k'.repeat(5_000)]: new Set() })).toThrowError(refused);
  });
});

describe('unpackShapes', () => {
  afterEach(() => void vi.unstubAllGlobals());

  it('makes no code while it runs', () => {
    const shapes = Array.from({ length: 500 }, (_, i) => ({ a: i, [`b${i % 40}`]: { c: i } }));
    const bytes = packShapes(shapes);
    const made = vi.fn<() => void>();
    vi.stubGlobal('Function', made);
    expect(unpackShapes(bytes)).toStrictEqual(shapes);
    expect(made).not.toHaveBeenCalled();
  });
});

describe('keyed state that cannot be packed', () => {
  it.each([
    ['a text', 'user-9', "'user-9'"],
    ['a number', -1.5, '-1.5'],
    ['long', 'k'.repeat(2_000), `'${'k'.repeat(100)}…'`],
  ])('is refused with its operator and key (%s)', (_, key, shown) => {
    const state = new KeyedStateTable<unknown>({
      view: memoryStore(),
      prefix: Buffer.from('task\u0000'),
      maxEntries: 100,
      operator: "processKeyed('visits')",
    });
    for (const other of ['a', 'b', 'z']) state.touch(state.add(0, other, { seen: [] }), 0);
    state.touch(state.add(0, key, { seen: new Set([1]) }), 0);
    const refused = {
      code: 'CALLBACK_FAILED',
      place: { operator: "processKeyed('visits')" },
      message: `what was put under key ${shown} cannot be kept: state must be plain data (${PLAIN_DATA}); found a Set under 'seen'`,
      hint: expect.stringContaining('plain data') as string,
    };
    expect(() => state.seal()).toThrowError(expect.objectContaining(refused));
  });
});
