/** Flat objects as JSON, by code made for their fields: what a sink writes mostly has the fields of what it wrote before. */
import { compile, literal } from './codegen.ts';
import { isPlainObject, scalarJson } from './plain.ts';

/** Objects of more fields JSON.stringify writes faster. */
const MAX_FIELDS = 16;
/** Fields that code is kept for at once, and how many values are looked at in the life of a writer to make it. */
const MAX_SHAPES = 4;
const MAX_LOOKS = 64;
/** A value that was tried in vain costs more than one that was written saves: with more than one in so many, no more are tried. */
const HITS_A_MISS = 16;
const MAX_MISSES = 64;

/** The JSON of an object that has the fields it was made for, in their order; `undefined` for another one. */
type Write = (value: object) => string | undefined;

/** One a sink. What it gives equals what JSON.stringify gives, in two to nine tenths of the time. */
export class JsonWriter {
  private readonly writes: Write[] = [];
  private looks = 0;
  /** What may still be lost on values that are tried in vain, in values written. */
  private credit = MAX_MISSES * HITS_A_MISS;

  /** `undefined` where JSON.stringify has to write it. */
  write(value: unknown): string | undefined {
    if (this.credit <= 0) return undefined;
    if (isPlainObject(value)) {
      for (const write of this.writes) {
        const json = write(value);
        if (json !== undefined) {
          if (this.credit < MAX_MISSES * HITS_A_MISS) this.credit++;
          return json;
        }
      }
      this.learn(value);
    }
    this.credit -= HITS_A_MISS;
    return undefined;
  }

  private learn(value: object): void {
    if (this.looks === MAX_LOOKS) return;
    this.looks++;
    const fields = Object.entries(value) as [string, unknown][];
    if (fields.length === 0 || fields.length > MAX_FIELDS) return;
    if (fields.some(([, field]) => scalarJson(field) === undefined)) return;
    const write = compileWrite(fields);
    if (write === undefined) {
      this.looks = MAX_LOOKS;
      return;
    }
    if (this.writes.length === MAX_SHAPES) this.writes.pop();
    this.writes.unshift(write);
  }
}

function compileWrite(fields: readonly (readonly [string, unknown])[]): Write | undefined {
  const names = fields.map(([name]) => name);
  const parts = names.map((name, i) => `${literal(`${i === 0 ? '{' : ','}${literal(name)}:`)} + j${i}`);
  const body = `return function write(v) {
    let i = 0;
    for (const name in v) if (name !== NAMES[i++]) return undefined;
    if (i !== ${names.length}) return undefined;
    ${fields.map(([name, sample], i) => fieldCode(name, `j${i}`, typeof sample)).join('\n')}
    return ${parts.join(' + ')} + '}';
  };`;
  return compile<(...tools: unknown[]) => Write>(['NAMES', 'VERBATIM', 'scalarJson'], body)?.(
    names,
    VERBATIM,
    scalarJson,
  );
}

/** Sets `j` to the JSON of a field, on a short way where it is of the sample's type. */
function fieldCode(name: string, j: string, type: string): string {
  const other = `{ ${j} = scalarJson(${j}); if (${j} === undefined) return undefined; }`;
  const read = `let ${j} = v[${literal(name)}];`;
  if (type === 'string')
    return `${read} if (typeof ${j} === 'string' && VERBATIM.test(${j})) ${j} = '"' + ${j} + '"'; else ${other}`;
  // A finite number less itself is 0; joined to a text it is written as JSON writes it.
  if (type === 'number') return `${read} if (typeof ${j} !== 'number' || ${j} - ${j} !== 0) ${other}`;
  return `${read} ${other}`;
}

/** Texts that JSON writes as they are. Half of a pair of surrogates is escaped, so that texts with any are left to it. */
const VERBATIM = /^[ !#-[\]-\ud7ff\ue000-\uffff]*$/;
