/**
 * JSON from the bytes that a value was read from: where the value still holds every field as it stood, in the same order, and
 * more fields only behind them, the document is its own bytes and those fields. Anything else is left to JSON.stringify.
 */
import { viewOf } from '../core/copy-bytes.ts';
import type { Chunk } from '../core/element.ts';
import type { SplicedValue } from '../core/record-batch.ts';
import { compile, literal } from './codegen.ts';
import { isObjectPlain, isPlainObject, scalarJson } from './plain.ts';

/** How many further fields `value` has, of which `added` takes the names; −1 where it lacks a field as row `row` has it, or its order. */
type CountAdded = (value: object, columns: readonly unknown[][], row: number, added: string[]) => number;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What fields that were added are written as. */
interface Tail {
  readonly bytes: DataView;
}

/** How the fields of certain names are written; pipelines add few values, or one for all of a chunk. */
interface Tails {
  readonly names: readonly string[];
  /** The tail of `value` if it is one of `kept`. */
  readonly find: (value: object, kept: readonly Tail[]) => Tail | undefined;
  /** A tail that `find` will know by the values of `value`. */
  readonly make: (value: object, bytes: DataView) => Tail;
  readonly kept: Tail[];
  oldest: number;
}

const MAX_TAILS = 8;
/** More combinations of fields than that are left to JSON.stringify. */
const MAX_COMPILED = 16;

/** One a sink. */
export class Splicer {
  private isOn = false;
  private names: readonly string[] | undefined;
  private countAdded: CountAdded | undefined;
  /** Longer than it has names: to shorten an array is to allocate it anew. */
  private readonly added: string[] = [];
  private tails: Tails | undefined;
  private readonly known: Tails[] = [];
  private readonly spliced: Mutable<SplicedValue> = { bytes: EMPTY, from: 0, to: 0, tail: EMPTY };

  /** Comes before the records of a chunk; without it nothing is spliced. */
  begin(): void {
    this.isOn = isObjectPlain();
  }

  /** The JSON of record `i`'s value, valid until the next call; `undefined` where JSON.stringify has to write it. */
  splice<T>(chunk: Chunk<T>, i: number): SplicedValue | undefined {
    const { input } = chunk;
    const rows = input?.scanned;
    if (input === undefined || rows === undefined || !this.isOn) return undefined;
    const row = chunk.row(i);
    const value = chunk.values[i];
    if (rows.plain[row] === 0 || !isPlainObject(value)) return undefined;
    if (rows.names !== this.names) {
      this.names = rows.names;
      this.countAdded = compileCountAdded(rows.names);
    }
    const count = this.countAdded?.(value, rows.columns, row, this.added) ?? -1;
    if (count < 0) return undefined;
    const tail = count === 0 ? CLOSING : this.tailOf(value, count);
    if (tail === undefined) return undefined;
    const { slices } = input;
    const { spliced } = this;
    spliced.bytes = input.view;
    spliced.from = slices[row * 4 + 2];
    // Less the last brace, which stands behind what was added.
    spliced.to = slices[row * 4 + 3] - 1;
    spliced.tail = tail;
    return spliced;
  }

  private tailOf(value: object, count: number): DataView | undefined {
    if (!isSame(this.tails?.names, this.added, count)) this.tails = this.tailsOf(this.added.slice(0, count));
    const { tails } = this;
    if (tails === undefined) return undefined;
    return (tails.find(value, tails.kept) ?? newTail(tails, value as Readonly<Record<string, unknown>>))?.bytes;
  }

  private tailsOf(names: readonly string[]): Tails | undefined {
    const known = this.known.find((each) => isSame(each.names, names, names.length));
    if (known !== undefined || this.known.length === MAX_COMPILED) return known;
    const tails = compileTails(names);
    if (tails !== undefined) this.known.push(tails);
    return tails;
  }
}

const EMPTY = viewOf(Buffer.alloc(0));
const CLOSING = viewOf(Buffer.from('}'));

function newTail(tails: Tails, value: Readonly<Record<string, unknown>>): Tail | undefined {
  let text = '';
  for (const name of tails.names) {
    const field = value[name];
    if (field === undefined) continue;
    const json = scalarJson(field);
    if (json === undefined) return undefined;
    text += `,${JSON.stringify(name)}:${json}`;
  }
  const tail = tails.make(value, viewOf(Buffer.from(`${text}}`)));
  tails.kept[tails.oldest] = tail;
  tails.oldest = (tails.oldest + 1) % MAX_TAILS;
  return tail;
}

function isSame(a: readonly string[] | undefined, b: readonly string[], length: number): boolean {
  if (a?.length !== length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function compileTails(names: readonly string[]): Tails | undefined {
  const same = names.map((name, i) => `v[${literal(name)}] === t.v${i}`);
  const fields = names.map((name, i) => `v${i}: v[${literal(name)}]`);
  const body = `return {
    find(v, kept) { for (const t of kept) if (${same.join(' && ')}) return t; },
    make(v, bytes) { return { bytes, ${fields.join(', ')} }; },
  };`;
  const code = compile<() => Pick<Tails, 'find' | 'make'>>([], body)?.();
  return code === undefined ? undefined : { ...code, names, kept: [], oldest: 0 };
}

function compileCountAdded(names: readonly string[]): CountAdded | undefined {
  const same = names.map((name, i) => `v[${literal(name)}] === c[${i}][row]`);
  const body = `return function countAdded(v, c, row, added) {
    if (!(${same.join(' && ')})) return -1;
    let i = 0;
    for (const name in v) {
      if (i >= ${names.length}) added[i - ${names.length}] = name;
      else if (name !== NAMES[i]) return -1;
      i++;
    }
    return i - ${names.length} < 0 ? -1 : i - ${names.length};
  };`;
  return compile<(names: readonly string[]) => CountAdded>(['NAMES'], body)?.(names);
}
