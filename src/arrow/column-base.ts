/** What the columns in the making have in common: rows, nulls, growth. */
import type { Data, DataType } from 'apache-arrow';

/** A value that its column cannot hold. */
export class ColumnError extends Error {
  /** Of the value, among those that were added together. */
  readonly index: number;

  constructor(column: string, problem: string, index: number) {
    super(`column '${column}': ${problem}`);
    this.name = 'ColumnError';
    this.index = index;
  }
}

export const INITIAL_ROWS = 256;

/** Which rows hold a value, as Arrow has it. */
export interface Validity {
  readonly nullCount: number;
  readonly nullBitmap: Uint8Array | undefined;
}

/** One column in the making. `put` writes a value into its row; a problem is returned in words. */
export abstract class ColumnBuilder {
  readonly name: string;
  readonly dataType: DataType;
  readonly nullable: boolean;
  /** One bit a row, 1 for a value; made with the first null. */
  private validity: Uint8Array | undefined;
  private nulls = 0;
  protected rows = 0;
  protected capacity = INITIAL_ROWS;

  constructor(name: string, dataType: DataType, isNullable: boolean) {
    this.name = name;
    this.dataType = dataType;
    this.nullable = isNullable;
  }

  /** Memory of one row, about. */
  abstract readonly bytes: number;
  protected abstract put(value: unknown, row: number): string | undefined;
  protected abstract putNull(row: number): void;
  protected abstract grow(capacity: number): void;
  protected abstract finishData(rows: number, validity: Validity): Data;

  /** Adds the field of every record. */
  add(records: readonly unknown[]): void {
    const { name } = this;
    this.reserve(this.rows + records.length);
    for (let i = 0; i < records.length; i++) {
      const problem = this.addReserved((records[i] as Readonly<Record<string, unknown>>)[name]);
      if (problem !== undefined) throw new ColumnError(name, problem, i);
    }
  }

  /** Adds one value of a column within another. */
  addOne(value: unknown): string | undefined {
    this.reserve(this.rows + 1);
    return this.addReserved(value);
  }

  /** Adds a row of which nobody sees the value: the struct around it is null. */
  addHidden(): void {
    this.reserve(this.rows + 1);
    this.putNull(this.rows);
    this.rows++;
  }

  private addReserved(value: unknown): string | undefined {
    if (value === null || value === undefined) {
      if (!this.nullable) return `${value} in a column that is not nullable`;
      this.addNull();
      return undefined;
    }
    const problem = this.put(value, this.rows);
    if (problem === undefined) this.rows++;
    return problem;
  }

  finish(): Data {
    const nullBitmap = this.validity?.subarray(0, (this.rows + 7) >> 3);
    return this.finishData(this.rows, { nullCount: this.nulls, nullBitmap });
  }

  private addNull(): void {
    this.validity ??= new Uint8Array((this.capacity + 7) >> 3).fill(255);
    this.validity[this.rows >> 3] &= ~(1 << (this.rows & 7));
    this.putNull(this.rows);
    this.nulls++;
    this.rows++;
  }

  private reserve(rows: number): void {
    if (rows <= this.capacity) return;
    this.capacity = Math.max(rows, this.capacity * 2);
    if (this.validity !== undefined) {
      const longer = new Uint8Array((this.capacity + 7) >> 3).fill(255);
      longer.set(this.validity);
      this.validity = longer;
    }
    this.grow(this.capacity);
  }
}

/** Says what a value is without printing much of it. */
export function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return `${typeof value} ${value}`;
  if (typeof value === 'string') return `string ${JSON.stringify(value.slice(0, 40))}`;
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
