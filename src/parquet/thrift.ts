/** Thrift's compact protocol, as far as the headers and the footer of a Parquet file need it. */

export type ThriftValue =
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'i32'; readonly value: number }
  | { readonly kind: 'i64'; readonly value: number }
  | { readonly kind: 'binary'; readonly value: string | Uint8Array }
  | { readonly kind: 'list'; readonly value: readonly ThriftValue[] }
  | { readonly kind: 'struct'; readonly value: ThriftStruct };

/** Fields by their ids, rising; those that are `undefined` are left out. */
export type ThriftStruct = Readonly<Record<number, ThriftValue | undefined>>;

export const bool = (value: boolean): ThriftValue => ({ kind: 'bool', value });
export const i32 = (value: number): ThriftValue => ({ kind: 'i32', value });
export const i64 = (value: number): ThriftValue => ({ kind: 'i64', value });
export const binary = (value: string | Uint8Array): ThriftValue => ({ kind: 'binary', value });
export const list = (value: readonly ThriftValue[]): ThriftValue => ({ kind: 'list', value });
export const struct = (value: ThriftStruct): ThriftValue => ({ kind: 'struct', value });

const TRUE = 1;
const FALSE = 2;
const CODES = { bool: TRUE, i32: 5, i64: 6, binary: 8, list: 9, struct: 12 } as const;
/** From here on the length of a list stands behind its header. */
const LONG_LIST = 15;

/** @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md */
export function encodeThrift(fields: ThriftStruct): Uint8Array {
  const bytes: number[] = [];
  writeStruct(bytes, fields);
  return Uint8Array.from(bytes);
}

function writeStruct(bytes: number[], fields: ThriftStruct): void {
  let before = 0;
  for (const [id, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const code = value.kind === 'bool' && !value.value ? FALSE : CODES[value.kind];
    bytes.push(((Number(id) - before) << 4) | code);
    before = Number(id);
    if (value.kind !== 'bool') writeValue(bytes, value);
  }
  bytes.push(0);
}

function writeValue(bytes: number[], value: ThriftValue): void {
  if (value.kind === 'bool') {
    bytes.push(value.value ? TRUE : FALSE);
  } else if (value.kind === 'i32' || value.kind === 'i64') {
    writeVarint(bytes, value.value < 0 ? -2 * value.value - 1 : 2 * value.value);
  } else if (value.kind === 'binary') {
    const content = typeof value.value === 'string' ? Buffer.from(value.value) : value.value;
    writeVarint(bytes, content.length);
    for (const byte of content) bytes.push(byte);
  } else if (value.kind === 'list') {
    const { length } = value.value;
    const code = length === 0 ? CODES.struct : CODES[value.value[0].kind];
    bytes.push((Math.min(length, LONG_LIST) << 4) | code);
    if (length >= LONG_LIST) writeVarint(bytes, length);
    for (const each of value.value) writeValue(bytes, each);
  } else {
    writeStruct(bytes, value.value);
  }
}

/** Up to 2⁵³: offsets and sizes. */
export function writeVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
}
