/**
 * apache-arrow, through the single-file build that the package ships: its two hundred modules take a third of a second to
 * load, this one file twenty milliseconds, and every start of a pipeline with an Arrow sink would pay for it.
 */
import { createRequire } from 'node:module';
import type * as Arrow from 'apache-arrow';

const library = createRequire(import.meta.url)('apache-arrow/Arrow.es2015.min') as typeof Arrow;

export const {
  AsyncByteQueue,
  Binary,
  Bool,
  DataType,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
} = library;

export type Decimal = Arrow.Decimal;
export type Int64 = Arrow.Int64;
export type Field = Arrow.Field;
export type List = Arrow.List;
export type Struct = Arrow.Struct;
export type Utf8 = Arrow.Utf8;
export type TimestampMillisecond = Arrow.TimestampMillisecond;
