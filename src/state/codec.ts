/** Values of snapshots, keyed state and small records as bytes: MessagePack, each value complete in itself. */
import { addExtension, Packr } from 'msgpackr';

const MAP_EXTENSION = 0x4d;

/** Stands for a Map while it is packed: MessagePack has one kind of map only, and objects take it. */
class MapEntries {
  readonly flat: unknown[];

  constructor(flat: unknown[]) {
    this.flat = flat;
  }
}

addExtension({
  Class: MapEntries,
  type: MAP_EXTENSION,
  write: (map: MapEntries) => map.flat,
  read: (flat: unknown[]) => {
    const map = new Map<unknown, unknown>();
    for (let i = 0; i < flat.length; i += 2) map.set(flat[i], flat[i + 1]);
    return map;
  },
});

// Record definitions would tie a value to what was packed before it; without them every value can be read alone.
const OPTIONS = { variableMapSize: true, useBigIntExtension: true, copyBuffers: true, useToJSON: false } as const;
const packr = new Packr({ ...OPTIONS, useRecords: false });
/** Where msgpackr notes the fields of a shape, among the fields that may follow: an object that has such a field is none of a shape. */
const NOTE = '__keys__';
/** Defines a shape where it first comes within a value, and names it from then on. */
const ofShapes = new Packr({
  ...OPTIONS,
  mapsAsObjects: true,
  useRecords: (object: object) => !(NOTE in object),
});

/**
 * Bytes of a value made of plain objects, arrays, Maps, strings, numbers, bigints, booleans, null, undefined and byte
 * arrays. The same value, with its keys in the same order, gives the same bytes. NaN, the infinities and `undefined`
 * fields come back as they were; −0 comes back as 0, a lone surrogate as U+FFFD, an own key `__proto__` as `__proto_`.
 */
export function pack(value: unknown): Uint8Array {
  return packr.pack(withoutMaps(value));
}

/** The value behind `pack`; its byte arrays are copies. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/** As `pack`, for a value in which objects of the same shape come many times: in half the bytes and half the time. */
export function packShapes(value: unknown): Uint8Array {
  return ofShapes.pack(withoutMaps(value));
}

/** The value behind `packShapes`. */
export function unpackShapes(bytes: Uint8Array): unknown {
  return ofShapes.unpack(bytes);
}

/** `value` with its Maps replaced; the same reference where there are none. */
function withoutMaps(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (value instanceof Map) {
    const flat: unknown[] = [];
    for (const [key, entry] of value) flat.push(withoutMaps(key), withoutMaps(entry));
    return new MapEntries(flat);
  }
  if (Array.isArray(value)) return arrayWithoutMaps(value);
  const { constructor, toJSON } = value as { readonly constructor: unknown; readonly toJSON?: unknown };
  // msgpackr would take a mere field of that name for the method.
  const isTold = constructor !== Object && typeof toJSON === 'function' && !(value instanceof Date);
  return isTold ? withoutMaps(toJSON.call(value)) : objectWithoutMaps(value as Record<string, unknown>);
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
