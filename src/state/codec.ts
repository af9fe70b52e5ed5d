/** Values of snapshots, keyed state and small records as bytes: MessagePack, each value complete in itself. */
import { createRequire } from 'node:module';
import type * as Msgpackr from 'msgpackr';
import { addExtension, Packr } from 'msgpackr';
import { isForeign, notPlain } from './plain-data.ts';

const MAP_EXTENSION = 0x4d;

/** Stands for a Map while it is packed: MessagePack has one kind of map only, and objects take it. */
class MapEntries {
  readonly flat: unknown[];

  constructor(flat: unknown[]) {
    this.flat = flat;
  }
}

const MAPS = {
  Class: MapEntries,
  type: MAP_EXTENSION,
  write: (map: MapEntries) => map.flat,
  read: (flat: unknown[]) => {
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1]);
    return map;
  },
};
addExtension(MAPS);

/** Thrown where a value cannot be packed; what and where, `notPlain` finds out. */
const FOREIGN = new TypeError('state must be plain data');
// Record definitions would tie a value to what was packed before it; without them every value can be read alone.
const OPTIONS = {
  variableMapSize: true,
  useBigIntExtension: true,
  copyBuffers: true,
  useToJSON: false,
  // It would be packed as `undefined`.
  writeFunction(): never {
    throw FOREIGN;
  },
} as const;
const packr = new Packr({ ...OPTIONS, useRecords: false });
/** Where msgpackr notes the fields of a shape, among the fields that may follow: an object that has such a field is none of a shape. */
const NOTE = '__keys__';
/** Defines a shape where it first comes within a value, and names it from then on. */
const SHAPES = { ...OPTIONS, mapsAsObjects: true, useRecords: (object: object) => !(NOTE in object) } as const;
const ofShapes = new Packr(SHAPES);
let readerOfShapes: Msgpackr.Unpackr | undefined;

/**
 * Bytes of a value made of plain objects, arrays, Maps, dates, strings, numbers, bigints, booleans, null, undefined and byte
 * arrays. The same value, with its keys in the same order, gives the same bytes. NaN, the infinities and `undefined`
 * fields come back as they were; −0 comes back as 0, a lone surrogate as one U+FFFD or three, an own key `__proto__` as
 * `__proto_`, what has a toJSON as what that gives, and another object of a class as a plain one.
 * @throws TypeError for what is no plain data: it says what, and where in the value
 */
export function pack(value: unknown): Uint8Array {
  return packed(packr, value);
}

/** The value behind `pack`; its byte arrays are copies. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/** As `pack`, for a value in which objects of the same shape come many times: in half the bytes and half the time. */
export function packShapes(value: unknown): Uint8Array {
  return packed(ofShapes, value);
}

/** The value behind `packShapes`. */
export function unpackShapes(bytes: Uint8Array): unknown {
  readerOfShapes ??= readerWithoutCode();
  return readerOfShapes.unpack(bytes);
}

/** msgpackr's own reader would make code for the shapes of each value. This one is loaded when there is something to read. */
function readerWithoutCode(): Msgpackr.Unpackr {
  const msgpackr = createRequire(import.meta.url)('msgpackr/index-no-eval') as typeof Msgpackr;
  msgpackr.addExtension(MAPS);
  return new msgpackr.Unpackr(SHAPES);
}

function packed(packer: Packr, value: unknown): Uint8Array {
  try {
    return packer.pack(withoutMaps(value));
  } catch (thrown) {
    throw notPlain(value) ?? thrown;
  }
}

/** `value` with its Maps replaced; the same reference where there are none. Refuses objects that would come back as others. */
function withoutMaps(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Map) {
    const flat: unknown[] = [];
    for (const [key, entry] of value) flat.push(withoutMaps(key), withoutMaps(entry));
    return new MapEntries(flat);
  }
  if (Array.isArray(value)) return arrayWithoutMaps(value);
  const { constructor, toJSON } = value as { readonly constructor: unknown; readonly toJSON?: unknown };
  if (constructor !== Object) {
    if (value instanceof Uint8Array || value instanceof Date) return value;
    // msgpackr would take a mere field of that name for the method.
    if (typeof toJSON === 'function') return withoutMaps(toJSON.call(value));
    if (isForeign(value)) throw FOREIGN;
  }
  return objectWithoutMaps(value as Record<string, unknown>);
}

function arrayWithoutMaps(array: readonly unknown[]): readonly unknown[] {
  let changed: unknown[] | undefined;
  for (let i = 0; i < array.length; i++) {
    const entry = withoutMaps(array[i]);
    if (!Object.is(entry, array[i])) changed ??= [...array];
    if (changed !== undefined) changed[i] = entry;
  }
  return changed ?? array;
}

function objectWithoutMaps(object: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  let changed: Record<string, unknown> | undefined;
  for (const key in object) {
    const field = object[key];
    if (typeof field !== 'object' || field === null) continue;
    const replaced = withoutMaps(field);
    if (replaced === field) continue;
    changed ??= { ...object };
    changed[key] = replaced;
  }
  return changed ?? object;
}
