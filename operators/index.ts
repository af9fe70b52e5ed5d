/** All operators, by name, with the aggregates and column types that they take. */
export {
  binary,
  bool,
  type Column,
  type Columns,
  decimal,
  float64,
  int32,
  int64,
  list,
  nullable,
  struct,
  timestamp,
  utf8,
} from '../src/arrow/columns.ts';
export { type ColumnsOf, columnsOf } from '../src/arrow/columns-of.ts';
export {
  type Aggregate,
  type AggregateResults,
  type Aggregates,
  avg,
  avgMoney,
  count,
  first,
  last,
  max,
  min,
  sum,
  sumMoney,
} from './aggregate.ts';
export type { KeyedContext } from './core/keyed-call.ts';
export type { FiredTimer } from './core/keyed-step.ts';
export { process, type ProcessSpec } from './core/process.ts';
export { processAsync, type ProcessAsyncSpec } from './core/process-async.ts';
export type { RecordContext } from './core/record-context.ts';
export type { RollingSinkOptions } from './core/rolling-sink.ts';
export { sink, type SinkSpec, type SinkWriter } from './core/sink.ts';
export type { WindowResult } from './core/window.ts';
export { decodeJson } from './decode-json.ts';
export { type EnrichContext, type Enriched, enrich } from './enrich.ts';
export { type EnrichAsyncOptions, enrichAsync } from './enrich-async.ts';
export { filter } from './filter.ts';
export { flatMap } from './flat-map.ts';
export type { HivePartition } from '../src/files/hive-path.ts';
export { keyBy } from './key-by.ts';
export { lateTo } from './late-to.ts';
export { type MapOptions, map } from './map.ts';
export { type ProcessKeyedOptions, processKeyed } from './process-keyed.ts';
export { type RxOptions, rx } from './rx.ts';
export { type ColumnsFor, type SinkArrowOptions, sinkArrow } from './sink-arrow.ts';
export { type SinkConsoleOptions, sinkConsole } from './sink-console.ts';
export { type SinkCsvOptions, sinkCsv } from './sink-csv.ts';
export { sinkJsonl } from './sink-jsonl.ts';
export { type SinkKafkaOptions, sinkKafka } from './sink-kafka.ts';
export { type SinkPreviewOptions, sinkPreview } from './sink-preview.ts';
export { type RejectedRecord, splitRejections } from './split-rejections.ts';
export { type SinkParquetOptions, sinkParquet } from './sink-parquet.ts';
export { toDLQ } from './to-dlq.ts';
export { type TumblingWindowOptions, tumblingWindow } from './tumbling-window.ts';
export { validate } from './validate.ts';
export { type WatermarkConfig, watermark } from './watermark.ts';
