/**
 * Flat JSON objects from bytes, several times as fast as JSON.parse: the records of a stream mostly look like the one before,
 * so that code can be made for what the first ones looked like. Anything else is left to JSON.parse.
 */
import type { RecordBatch } from '../core/record-batch.ts';
import { ScannedRows } from '../core/scanned-rows.ts';
import { compile, literal } from './codegen.ts';
import { NumberScanner } from './number-scanner.ts';
import { MAX_DOCUMENT, type Shape, type ShapeField, shapeOf } from './shape.ts';

/** Shapes that code is kept for at once, and that it is made for in the life of a scanner. */
const MAX_SHAPES = 4;
const MAX_COMPILED = 32;
/** Rows of a batch without a hit after which the rest of it is not tried. */
const MAX_MISSES = 64;
/** Bytes of the longest document of which a text that is kept, such as a key, keeps all in memory. */
const MAX_SHARED = 4_096;
/** Documents in a row without a shape after which none is looked for. */
const MAX_SHAPELESS = 256;

/** Reads the document at `start` to `end` of `bytes`, of which `view` is a view; `undefined` when it is of another shape. Notes its values in `rows`. */
type Scan = (
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
  rows: ScannedRows | null,
  row: number,
) => object | undefined;

interface Compiled {
  readonly shape: Shape;
  readonly scan: Scan;
  readonly names: readonly string[];
  hits: number;
}

/** One a decoder: learns the shapes that pass it. What it gives equals what JSON.parse gives, field order included. */
export class JsonScanner {
  private shapes: Compiled[] = [];
  private made = 0;
  private misses = 0;
  private shapeless = 0;
  private batch: RecordBatch | undefined;
  private view: DataView = new DataView(new ArrayBuffer(0));
  private rows: ScannedRows | null = null;

  /** The next rows are of `batch`: it is told what was read in it. */
  begin(batch: RecordBatch): void {
    this.shapes.sort((a, b) => b.hits - a.hits);
    for (const each of this.shapes) each.hits >>= 1;
    this.batch = batch;
    this.view = batch.view;
    this.misses = 0;
    const [main] = this.shapes;
    this.rows = main === undefined ? null : new ScannedRows(main.names, batch.length);
    batch.scanned = this.rows ?? undefined;
  }

  /** The value of row `row`, or `undefined` when JSON.parse has to look at it. */
  read(row: number): object | undefined {
    const { slices, bytes } = this.batch!;
    const start = slices[row * 4 + 2];
    const end = slices[row * 4 + 3];
    if (start < 0 || end - start > MAX_DOCUMENT || this.misses >= MAX_MISSES) return undefined;
    let { rows } = this;
    for (const each of this.shapes) {
      const value = each.scan(bytes, this.view, start, end, rows, row);
      if (value !== undefined) {
        each.hits++;
        this.misses = 0;
        return value;
      }
      // Only rows of the first shape are noted.
      rows = null;
    }
    this.misses++;
    this.learn(bytes, start, end);
    return undefined;
  }

  private learn(bytes: Buffer, start: number, end: number): void {
    if (this.made === MAX_COMPILED || this.shapeless === MAX_SHAPELESS) return;
    const shape = shapeOf(bytes.toString('latin1', start, end));
    this.shapeless = shape === undefined ? this.shapeless + 1 : 0;
    if (shape === undefined || this.shapes.some((each) => isSame(each.shape, shape))) return;
    const scan = compileScan(shape);
    this.made++;
    if (scan === undefined) {
      this.made = MAX_COMPILED;
      return;
    }
    if (this.shapes.length === MAX_SHAPES) this.shapes.pop();
    this.shapes.push({ shape, scan, names: shape.fields.map(({ name }) => name), hits: 0 });
  }
}

function isSame(a: Shape, b: Shape): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

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
function compileScan({ fields, after, isTight }: Shape): Scan | undefined {
  const numbers = new NumberScanner();
  const body = [
    'return function scan(b, d, start, end, rows, row) {',
    'let p = start, plain = 1, w = 0;',
    'const last = end - 4;',
    ...fields.map(fieldCode),
    `${matchCode(after)} if (p !== end) return undefined;`,
    fields.some(({ kind }) => kind === 'text')
      ? `const t = end - start > ${MAX_SHARED} ? null : b.latin1Slice(start, end);`
      : '',
    ...fields.map(({ kind }, i) =>
      kind === 'text'
        ? `const v${i} = e${i} < 0 ? x${i} : t === null ? b.latin1Slice(s${i}, e${i}) : t.slice(s${i} - start, e${i} - start);`
        : `const v${i} = x${i};`,
    ),
    'if (rows !== null) {',
    ...fields.map((_, i) => `rows.columns[${i}][row] = v${i};`),
    `rows.plain[row] = ${isTight ? 'plain' : '0'}; }`,
    `return { ${fields.map(({ name }, i) => `${literal(name)}: v${i}`).join(', ')} };`,
    '};',
  ].join('\n');
  return compile<(...tools: unknown[]) => Scan>(['STOP', 'N', 'W'], body)?.(STOP, numbers, new WordScanner(numbers));
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

/** Moves `p` over the bytes of `text`, or gives up. Four bytes at a time; the last four may overlap those before. */
function matchCode(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  const { length } = bytes;
  const tests = [`p + ${length} > end`];
  if (length < 4) for (let i = 0; i < length; i++) tests.push(`b[p + ${i}] !== ${bytes[i]}`);
  for (let i = 0; i < length && length >= 4; i += 4) {
    const at = Math.min(i, length - 4);
    tests.push(`d.getInt32(p + ${at}, true) !== ${bytes.readInt32LE(at)}`);
  }
  return `if (${tests.join(' || ')}) return undefined; p += ${length};`;
}
