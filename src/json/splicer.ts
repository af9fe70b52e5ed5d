/**
 * JSON from the bytes that a value was read from: where the value still holds every field as it stood, in the same order, and
 * more fields only behind them, the document is its own bytes and those fields. Anything else is left to JSON.stringify.
 */
import type { Chunk } from '../core/element.ts';
import type { SplicedValue } from '../core/record-batch.ts';
import { compile, literal } from './codegen.ts';

/** Whether `value` has every field as row `row` has it, in its order; `added` takes the names of further fields. */
type Check = (value: object, columns: readonly unknown[][], row: number, added: string[]) => boolean;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What fields that were added are written as; pipelines add few values, or one for all of a chunk. */
interface Tail {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  readonly bytes: Buffer;
}

const MAX_TAILS = 8;

/** One a sink. */
export class Splicer {
  private names: readonly string[] | undefined;
  private check: Check | undefined;
  private readonly added: string[] = [];
  private readonly tails: Tail[] = [];
  private oldest = 0;
  private readonly spliced: Mutable<SplicedValue> = { bytes: EMPTY, from: 0, to: 0, tail: EMPTY };

  /** The JSON of record `i`'s value, valid until the next call; `undefined` where JSON.stringify has to write it. */
  splice<T>(chunk: Chunk<T>, i: number): SplicedValue | undefined {
    const { input } = chunk;
    const rows = input?.scanned;
    if (input === undefined || rows === undefined) return undefined;
    const row = chunk.row(i);
    const value = chunk.values[i];
    if (rows.plain[row] === 0 || !isPlainObject(value)) return undefined;
    if (rows.names !== this.names) {
      this.names = rows.names;
      this.check = compileCheck(rows.names);
    }
    const { added, spliced } = this;
    added.length = 0;
    if (this.check === undefined || !this.check(value, rows.columns, row, added)) return undefined;
    const tail = added.length === 0 ? CLOSING : this.tailOf(value as Readonly<Record<string, unknown>>);
    if (tail === undefined) return undefined;
    spliced.bytes = input.bytes;
    spliced.from = input.slices[row * 4 + 2];
    // Less the last brace, which stands behind what was added.
    spliced.to = input.slices[row * 4 + 3] - 1;
    spliced.tail = tail;
    return spliced;
  }

  private tailOf(value: Readonly<Record<string, unknown>>): Buffer | undefined {
    for (const tail of this.tails) if (isOf(tail, value, this.added)) return tail.bytes;
    let text = '';
    for (const name of this.added) {
      // Something that was added to all objects of the program is no field.
      const json = Object.hasOwn(value, name) ? jsonOf(value[name]) : undefined;
      if (json === undefined) return undefined;
      if (json !== '') text += `,${JSON.stringify(name)}:${json}`;
    }
    const bytes = Buffer.from(`${text}}`);
    this.tails[this.oldest] = { names: [...this.added], values: this.added.map((name) => value[name]), bytes };
    this.oldest = (this.oldest + 1) % MAX_TAILS;
    return bytes;
  }
}

const EMPTY = Buffer.alloc(0);
const CLOSING = Buffer.from('}');

function isOf(tail: Tail, value: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  if (tail.names.length !== names.length) return false;
  for (let i = 0; i < names.length; i++) {
    if (tail.names[i] !== names[i] || tail.values[i] !== value[names[i]]) return false;
  }
  return true;
}

/** Empty for what JSON leaves out; `undefined` for objects, which may have a JSON form of their own making. */
function jsonOf(value: unknown): string | undefined {
  if (value === undefined) return '';
  return value === null || ['string', 'number', 'boolean'].includes(typeof value) ? JSON.stringify(value) : undefined;
}

function isPlainObject(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    !('toJSON' in value)
  );
}

function compileCheck(names: readonly string[]): Check | undefined {
  const same = names.map((name, i) => `v[${literal(name)}] === c[${i}][row]`);
  const body = `return function check(v, c, row, added) {
    if (!(${same.join(' && ')})) return false;
    let i = 0;
    for (const name in v) {
      if (i < ${names.length}) { if (name !== NAMES[i++]) return false; }
      else added.push(name);
    }
    return i === ${names.length};
  };`;
  return compile<(names: readonly string[]) => Check>(['NAMES'], body)?.(names);
}
