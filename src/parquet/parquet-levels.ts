/** Lists and structs as Parquet has them: the values of each leaf, and levels that tell where lists begin and what is null. */
import type { ColumnPart } from '../arrow/read-segment.ts';
import { isNull, LIST_ELEMENT, LIST_GROUP } from './parquet-types.ts';
import { writeVarint } from './thrift.ts';

/** A column of values, and the lists and structs around it. */
export interface Leaf {
  /** Names from the root to it, those of the levels of lists included. */
  readonly path: readonly string[];
  /** From the outermost column to the innermost. */
  readonly parts: readonly ColumnPart[];
  /** The innermost; what stands in a struct that is null is null in it. */
  readonly values: ColumnPart;
}

/** Every column of values that `part` is made of, in the order of the schema. */
export function leavesOf(part: ColumnPart): Leaf[] {
  return leavesBelow({ path: [part.name], parts: [part], values: part });
}

function leavesBelow({ path, parts, values }: Leaf): Leaf[] {
  if (values.type.kind === 'list') {
    const [items] = values.children;
    return leavesBelow({ path: [...path, LIST_GROUP, LIST_ELEMENT], parts: [...parts, items], values: items });
  }
  if (values.type.kind !== 'struct') return [{ path, parts, values }];
  return values.children.flatMap((field) => {
    const visible = { ...field, validity: bothValid(values, field) };
    return leavesBelow({ path: [...path, field.name], parts: [...parts, field], values: visible });
  });
}

function bothValid({ validity: outer }: ColumnPart, { validity: inner, length }: ColumnPart): Uint8Array | undefined {
  if (outer === undefined || inner === undefined) return outer ?? inner;
  return Uint8Array.from({ length: (length + 7) >> 3 }, (_, i) => outer[i] & inner[i]);
}

/** The values of rows `from` to `to` (exclusive), by their places in the leaf: lists that are null have no items. */
export function valueRange({ parts }: Leaf, from: number, to: number): readonly [from: number, to: number] {
  let range: readonly [number, number] = [from, to];
  for (const { type, offsets } of parts) {
    if (type.kind === 'list') range = [offsets![range[0]], offsets![range[1]]];
  }
  return range;
}

/** The levels of rows `from` to `to` (exclusive) as a page begins with them, and how many there are. */
export function encodeLevels({ parts }: Leaf, from: number, to: number): { bytes: Uint8Array; entries: number } {
  const repetitions: number[] = [];
  const definitions: number[] = [];
  const visit = (depth: number, at: number, repetition: number, repeated: number, definition: number): void => {
    const part = parts[depth];
    const isEmpty = part.nullable && isNull(part, at);
    const defined = part.nullable && !isEmpty ? definition + 1 : definition;
    const [first, end] = part.type.kind === 'list' ? [part.offsets![at], part.offsets![at + 1]] : [at, at + 1];
    if (isEmpty || first === end || depth === parts.length - 1) {
      repetitions.push(repetition);
      definitions.push(defined);
    } else if (part.type.kind === 'struct') {
      visit(depth + 1, at, repetition, repeated, defined);
    } else {
      for (let i = first; i < end; i++) {
        visit(depth + 1, i, i === first ? repetition : repeated + 1, repeated + 1, defined + 1);
      }
    }
  };
  for (let row = from; row < to; row++) visit(0, row, 0, 0, 0);
  const lists = parts.filter(({ type }) => type.kind === 'list').length;
  const optional = parts.filter(({ nullable }) => nullable).length;
  return {
    bytes: Buffer.concat([packed(repetitions, lists), packed(definitions, lists + optional)]),
    entries: definitions.length,
  };
}

/** Levels up to `max`: their length, then one run where all are the same, else bits. Nothing where `max` is 0. */
function packed(levels: readonly number[], max: number): Uint8Array {
  const bytes: number[] = [];
  if (max === 0) return Uint8Array.from(bytes);
  bytes.push(0, 0, 0, 0);
  if (levels.every((level) => level === levels[0])) {
    writeVarint(bytes, levels.length * 2);
    bytes.push(levels[0]);
  } else {
    const groups = (levels.length + 7) >> 3;
    writeVarint(bytes, groups * 2 + 1);
    pushBits(bytes, levels, 32 - Math.clz32(max), groups);
  }
  const all = Buffer.from(bytes);
  all.writeUInt32LE(all.length - 4);
  return all;
}

function pushBits(bytes: number[], levels: readonly number[], width: number, groups: number): void {
  let pending = 0;
  let bits = 0;
  for (let i = 0; i < groups * 8; i++) {
    pending |= (levels[i] ?? 0) << bits;
    bits += width;
    for (; bits >= 8; bits -= 8) {
      bytes.push(pending & 255);
      pending >>>= 8;
    }
  }
}
