/**
 * Flat JSON objects from bytes, several times as fast as JSON.parse: the records of a stream mostly look like the one before,
 * so that code can be made for what the first ones looked like. Anything else is left to JSON.parse.
 */
import type { CheckBelow } from '../core/operator.ts';
import type { RecordBatch } from '../core/record-batch.ts';
import { ScannedRows } from '../core/scanned-rows.ts';
import { type FlatSchema, flatSchemaOf } from './zod-check.ts';
import { isObjectPlain } from './plain.ts';
import { compileScan, mayBeSet, type Scan } from './scan-code.ts';
import { MAX_DOCUMENT, type Shape, shapeOf } from './shape.ts';

/** Shapes that code is kept for at once, and that it is made for in the life of a scanner. */
const MAX_SHAPES = 4;
const MAX_COMPILED = 32;
/** Rows of a batch without a hit after which the rest of it is not tried. */
const MAX_MISSES = 64;
/** Documents in a row without a shape after which none is looked for. */
const MAX_SHAPELESS = 256;

interface Compiled {
  readonly shape: Shape;
  readonly scan: Scan;
  readonly names: readonly string[];
  /** The documents are checked on the way. */
  readonly checks: boolean;
  /** Objects are made by assignments, and not as literals. */
  readonly isSet: boolean;
  hits: number;
}

/** One a decoder: learns the shapes that pass it. What it gives equals what JSON.parse gives, field order included. */
export class JsonScanner {
  private readonly below: CheckBelow | undefined;
  private readonly schema: FlatSchema | undefined;
  private shapes: Compiled[] = [];
  private made = 0;
  private misses = 0;
  private shapeless = 0;
  private batch: RecordBatch | undefined;
  private view: DataView = new DataView(new ArrayBuffer(0));
  private rows: ScannedRows | null = null;

  /** Documents that have just the fields of the schema `below`, in its order, are checked as they are read. */
  constructor(below?: CheckBelow) {
    this.below = below;
    this.schema = flatSchemaOf(below?.schema);
  }

  /** The next rows are of `batch`: it is told what was read in it. */
  begin(batch: RecordBatch): void {
    // Something may have been added to all objects meanwhile: what is set then, and not defined, could be lost.
    this.shapes = this.shapes.filter(({ names, isSet }) => !isSet || mayBeSet(names));
    this.shapes.sort((a, b) => b.hits - a.hits);
    for (const each of this.shapes) each.hits >>= 1;
    this.batch = batch;
    this.view = batch.view;
    this.misses = 0;
    const [main] = this.shapes;
    this.rows = main === undefined ? null : this.rowsOf(main, batch.length);
    batch.scanned = this.rows ?? undefined;
  }

  private rowsOf({ names, checks }: Compiled, rows: number): ScannedRows {
    return new ScannedRows(names, rows, checks && isObjectPlain() ? this.below?.id : undefined);
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
    const names = shape.fields.map(({ name }) => name);
    const schema = isDescribedBy(names, this.schema) ? this.schema : undefined;
    const scan = compileScan(shape, schema);
    this.made++;
    if (scan === undefined) {
      this.made = MAX_COMPILED;
      return;
    }
    if (this.shapes.length === MAX_SHAPES) this.shapes.pop();
    this.shapes.push({ shape, scan, names, checks: schema !== undefined, isSet: mayBeSet(names), hits: 0 });
  }
}

function isDescribedBy(names: readonly string[], schema: FlatSchema | undefined): boolean {
  return schema?.fields.length === names.length && schema.fields.every(({ name }, i) => name === names[i]);
}

function isSame(a: Shape, b: Shape): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
