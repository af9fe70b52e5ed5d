/** The code that reads documents of one shape. */
import type { ScannedRows } from '../core/scanned-rows.ts';
import { compile, literal } from './codegen.ts';
import { NumberScanner } from './number-scanner.ts';
import type { Shape, ShapeField } from './shape.ts';
import type { FieldTest, FlatSchema } from './zod-check.ts';

/** Bytes of the longest document of which a text that is kept, such as a key, keeps all in memory. */
const MAX_SHARED = 4_096;

/** Reads the document at `start` to `end` of `bytes`, of which `view` is a view; `undefined` when it is of another shape. Notes its values in `rows`. */
export type Scan = (
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
  rows: ScannedRows | null,
  row: number,
) => object | undefined;

/** Bytes at which a text ends, or is not plain ASCII without escapes. */
const STOP = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte > 0x7e || byte === 0x22 || byte === 0x5c ? 1 : 0,
);

const WORDS: readonly [string, boolean | null][] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** Values that are no texts. */
class WordScanner {
  end = 0;
  isPlain = true;
  private readonly numbers: NumberScanner;

  constructor(numbers: NumberScanner) {
    this.numbers = numbers;
  }

  read(bytes: Buffer, at: number): number | boolean | null | undefined {
    for (const [word, value] of WORDS) {
      if (word.charCodeAt(0) !== bytes[at] || bytes.toString('latin1', at, at + word.length) !== word) continue;
      this.end = at + word.length;
      this.isPlain = true;
      return value;
    }
    const number = this.numbers.read(bytes, at);
    if (Number.isNaN(number)) return undefined;
    this.end = this.numbers.end;
    this.isPlain = this.numbers.isPlain;
    return number;
  }
}

/**
 * The code for one shape. The structure is checked byte by byte before any text is made; a text is cut from that of its
 * document, which costs less than to make it from bytes, but keeps the document in memory as long as it is kept itself.
 */
export function compileScan({ fields, after, isTight }: Shape, schema: FlatSchema | undefined): Scan | undefined {
  const numbers = new NumberScanner();
  const names = fields.map(({ name }) => name);
  const tests = testsOf(schema);
  const body = [
    rowCode(names),
    'return function scan(b, d, start, end, rows, row) {',
    'let p = start, plain = 1, w = 0;',
    'const last = end - 4;',
    ...fields.map(fieldCode),
    `${matchCode(after)} if (p !== end) return undefined;`,
    `let t = end - start > ${MAX_SHARED} ? null : undefined;`,
    ...fields.map(({ kind }, i) => (kind === 'text' ? textCode(i, tests[i]) : `const v${i} = x${i};`)),
    'if (rows !== null) {',
    ...fields.map((_, i) => `rows.columns[${i}][row] = v${i};`),
    schema === undefined
      ? ''
      : `rows.valid[row] = ${fields.map(({ kind }, i) => testCode(kind, i, tests[i])).join(' && ')} ? 1 : 0;`,
    `rows.plain[row] = ${isTight ? 'plain' : '0'}; }`,
    `return ${newRowCode(names)};`,
    '};',
  ].join('\n');
  return compile<(...tools: unknown[]) => Scan>(['STOP', 'N', 'W', 'C'], body)?.(
    STOP,
    numbers,
    new WordScanner(numbers),
    schema?.constants,
  );
}

/** Fields that may be added to an object without it being moved. */
const ROOM = 4;
/** Objects of a constructor by which V8 sees how much room they need: seven, and some more. */
const SAMPLES = 12;

/**
 * `Row` makes plain objects with those fields. A literal has room for its own fields only, and the first one that is added costs an
 * array beside it: enriching and writing orders took an eighth more time. What is made by a constructor keeps the room that its first objects
 * turned out to need.
 * @see https://v8.dev/blog/slack-tracking
 */
function rowCode(names: readonly string[]): string {
  const set = names.map((name, i) => `this[${literal(name)}] = v${i};`);
  const added = Array.from({ length: ROOM }, (_, i) => `row['more ${i}'] = 0;`);
  return mayBeSet(names)
    ? `function Row(${parametersOf(names)}) { ${set.join(' ')} }
       Row.prototype = Object.prototype;
       for (let i = 0; i < ${SAMPLES}; i++) { const row = new Row(); ${added.join(' ')} }`
    : '';
}

function newRowCode(names: readonly string[]): string {
  if (mayBeSet(names)) return `new Row(${parametersOf(names)})`;
  return `{ ${names.map((name, i) => `${literal(name)}: v${i}`).join(', ')} }`;
}

/** What is named as something that all objects have may be refused or go elsewhere when it is set: it can be given to a literal only. */
export function mayBeSet(names: readonly string[]): boolean {
  return !names.some((name) => name in Object.prototype);
}

function parametersOf(names: readonly string[]): string {
  return names.map((_, i) => `v${i}`).join(', ');
}

/** Texts of a field, and of all fields together, that are compared as bytes. With more, V8 would not compile the code, and it took a thousand times as long. */
const MAX_TEXTS = 32;
const MAX_TEXTS_IN_ALL = 128;

/** What a schema asks of the fields, of enumerations the texts where they are few, short and of ASCII, as all that is scanned. */
function testsOf(schema: FlatSchema | undefined): readonly FieldTest[] {
  let left = MAX_TEXTS_IN_ALL;
  return (schema?.fields ?? []).map((field) => {
    const texts = field.texts?.filter((text) => ASCII.test(text));
    const isFew = texts !== undefined && texts.length <= Math.min(MAX_TEXTS, left);
    if (isFew) left -= texts.length;
    return { ...field, texts: isFew && texts.every(({ length }) => length <= MAX_TEXT_BYTES) ? texts : undefined };
  });
}

/** Longer texts are compared by more code than is worth it. */
const MAX_TEXT_BYTES = 32;
const ASCII = /^[ -~]*$/;

/** Makes the text that was found of that of its document; where the schema names the texts that there may be, takes that one. */
function textCode(i: number, test: FieldTest | undefined): string {
  const cut = `v${i} = t === null ? b.latin1Slice(s${i}, e${i})
    : (t ??= b.latin1Slice(start, end)).slice(s${i} - start, e${i} - start);`;
  const known = (test?.texts ?? []).map(
    (text) => `if (${isTextCode(text, i)}) { v${i} = ${literal(text)}; k${i} = 1; } else`,
  );
  return `let v${i} = x${i}, k${i} = 0; if (e${i} >= 0) { ${known.join(' ')} ${cut} }`;
}

/** Whether a field is as the schema wants it. */
function testCode(kind: ShapeField['kind'], i: number, { condition, texts }: FieldTest): string {
  if (kind === 'text' && texts !== undefined) return `k${i} === 1`;
  return `(${condition.replaceAll('$', `v${i}`)})`;
}

function isTextCode(text: string, i: number): string {
  const differs = differsCode(text, `s${i}`);
  return [`e${i} - s${i} === ${text.length}`, ...differs.map((test) => `!(${test})`)].join(' && ');
}

function fieldCode({ kind, before }: ShapeField, i: number): string {
  const other = `x${i} = W.read(b, p); if (x${i} === undefined) return undefined; p = W.end; if (!W.isPlain) plain = 0;`;
  const start = matchCode(before);
  if (kind === 'number') {
    return `${start} let x${i} = N.read(b, p);
      if (x${i} === x${i}) { p = N.end; if (!N.isPlain) plain = 0; } else { ${other} }`;
  }
  if (kind === 'word') return `${start} let x${i}; ${other}`;
  return `${start} let s${i} = 0, e${i} = -1, x${i};
    if (b[p] === 34) { s${i} = ++p; while (p <= last && (w = d.getInt32(p, true), ${STOPS_IN_WORD}) === 0) p += 4;
      while (STOP[b[p]] === 0) p++; if (b[p] !== 34) return undefined; e${i} = p++; }
    else { ${other} }`;
}

/**
 * Not 0 where a byte of the word `w` may be one of STOP, which is then looked for byte by byte: four bytes at a time, each test
 * sets the highest bit of a byte that is above `~`, below a space, a quotation mark or a backslash.
 * @see H. S. Warren, Hacker's Delight, 2nd ed. (2012), 6-1: find first 0-byte
 */
const STOPS_IN_WORD = `((w + 0x01010101) | (w - 0x20202020)
  | (((w ^ 0x22222222) - 0x01010101) & ~(w ^ 0x22222222)) | (((w ^ 0x5c5c5c5c) - 0x01010101) & ~(w ^ 0x5c5c5c5c))) & 0x80808080`;

/** Moves `p` over the bytes of `text`, or gives up. */
function matchCode(text: string): string {
  const tests = [`p + ${text.length} > end`, ...differsCode(text, 'p')];
  return `if (${tests.join(' || ')}) return undefined; p += ${text.length};`;
}

/** Tests of which one is true where the bytes at `at` are not those of `text`. Four bytes at a time; the last four may overlap those before. */
function differsCode(text: string, at: string): string[] {
  const bytes = Buffer.from(text, 'latin1');
  const { length } = bytes;
  if (length < 4) return Array.from(bytes, (byte, i) => `b[${at} + ${i}] !== ${byte}`);
  return Array.from({ length: Math.ceil(length / 4) }, (_, i) => {
    const word = Math.min(i * 4, length - 4);
    return `d.getInt32(${at} + ${word}, true) !== ${bytes.readInt32LE(word)}`;
  });
}
