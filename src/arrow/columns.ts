/** The columns of a table: their types at run time, and at compile time which values they take. */
import { MillraceError } from '../core/errors.ts';

export type ColumnType =
  | { readonly kind: 'utf8' | 'binary' | 'int32' | 'int64' | 'float64' | 'bool' | 'timestamp' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly items: Column<unknown> }
  | { readonly kind: 'struct'; readonly fields: Columns };

/** A column that takes values `In`; `Words` describes it in the compiler's errors. */
export interface Column<In, Words extends string = string> {
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Types only; never set. */
  readonly '~takes'?: In;
  readonly '~words'?: Words;
}

export type Columns = Readonly<Record<string, Column<unknown>>>;

/** Text. */
export function utf8(): Column<string, 'utf8 (a string)'> {
  return { type: { kind: 'utf8' }, nullable: false };
}

/** Bytes. */
export function binary(): Column<Uint8Array, 'binary (a Uint8Array)'> {
  return { type: { kind: 'binary' }, nullable: false };
}

/** Whole numbers from −2³¹ to 2³¹ − 1. */
export function int32(): Column<number, 'int32 (a number)'> {
  return { type: { kind: 'int32' }, nullable: false };
}

/** Whole numbers of 64 bits; a `number` must be a safe integer. */
export function int64(): Column<number | bigint, 'int64 (a number or bigint)'> {
  return { type: { kind: 'int64' }, nullable: false };
}

/** Any number, NaN and the infinities included. */
export function float64(): Column<number, 'float64 (a number)'> {
  return { type: { kind: 'float64' }, nullable: false };
}

export function bool(): Column<boolean, 'bool (a boolean)'> {
  return { type: { kind: 'bool' }, nullable: false };
}

/** An instant in milliseconds, UTC, from an ISO 8601 string, epoch milliseconds or a Date. */
export function timestamp(): Column<string | number | Date, 'timestamp (an ISO string, epoch ms or a Date)'> {
  return { type: { kind: 'timestamp' }, nullable: false };
}

/** Up to 38 digits. */
const MAX_PRECISION = 38;

/**
 * Exact decimals of `precision` digits, `scale` of them behind the point, from a string or a number, which stands for its
 * shortest decimal form (0.1 is exactly 0.1). A value with more digits does not fit: nothing is rounded.
 */
export function decimal(precision: number, scale: number): Column<number | string, 'decimal (a number or string)'> {
  const fits = Number.isInteger(precision) && precision >= 1 && precision <= MAX_PRECISION;
  if (!fits || !Number.isInteger(scale) || scale < 0 || scale > precision) {
    throw new MillraceError('PLAN_INVALID', `decimal(${precision}, ${scale}): there is no such decimal`, {
      hint: `precision is 1 to ${MAX_PRECISION} digits in all, scale those behind the point, at most precision`,
    });
  }
  return { type: { kind: 'decimal', precision, scale }, nullable: false };
}

/** Arrays, each item of which fits `items`. */
export function list<In, Words extends string>(items: Column<In, Words>): Column<readonly In[], `list of ${Words}`> {
  return { type: { kind: 'list', items }, nullable: false };
}

/** Objects with the fields that are named; other fields are left out. */
export function struct<const C extends Columns>(fields: C): Column<StructOf<C>, 'struct (an object)'> {
  if (Object.keys(fields).length === 0) {
    throw new MillraceError('PLAN_INVALID', 'struct({}): a struct without fields cannot be stored', {
      hint: 'name at least one field, or leave the column out',
    });
  }
  return { type: { kind: 'struct', fields }, nullable: false };
}

/** Objects that a struct of these columns takes: fields of nullable columns may be missing. */
type StructOf<C extends Columns> = {
  readonly [K in keyof C as undefined extends Taken<C[K]> ? never : K]: Taken<C[K]>;
} & {
  readonly [K in keyof C as undefined extends Taken<C[K]> ? K : never]?: Taken<C[K]>;
};

type Taken<C> = C extends Column<infer In> ? In : never;

/** The same column, which also takes `null` and a missing value. */
export function nullable<In, Words extends string>(
  column: Column<In, Words>,
): Column<In | null | undefined, `nullable ${Words}`> {
  return { type: column.type, nullable: true };
}

/** Columns as one line of text. */
export function describeColumns(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, column]) => `${name} ${describeColumn(column)}`)
    .join(', ');
}

function describeColumn({ type, nullable: isNullable }: Column<unknown>): string {
  return `${describeType(type)}${isNullable ? '?' : ''}`;
}

export function describeType(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`;
  if (type.kind === 'list') return `list(${describeColumn(type.items)})`;
  return type.kind === 'struct' ? `struct(${describeColumns(type.fields)})` : type.kind;
}

/** `C` where every column fits its field in `T` and every field has a column or is in `Omitted`; else the mistake in words. */
export type ColumnsFor<T, C extends Columns, Omitted> = {
  readonly [K in keyof C & string]: K extends keyof T ? CheckedColumn<K, T[K], C[K]> : `the record has no field '${K}'`;
} & {
  readonly [K in Exclude<
    keyof T & string,
    (keyof C & string) | Omitted
  > as `the field '${K}' has no column: add one, or name it in omit`]: never;
};

type CheckedColumn<K extends string, Value, C> =
  C extends Column<infer In, infer Words>
    ? [Value] extends [In]
      ? C
      : [NonNullable<Value>] extends [In]
        ? `'${K}' can be null or missing: wrap its column in nullable()`
        : `'${K}' does not fit a column of type ${Words}`
    : never;
