/** millrace: pipelines as plans, and what runs them. Operators are in `millrace/operators`, the test kit in `millrace/testing`. */
export { type KafkaOptions, kafka } from '../operators/core/source.ts';
export { merge } from '../operators/core/merge.ts';
export {
  decodeDlqRecord,
  type DlqFailure,
  type DlqPayloadForm,
  type DlqRecord,
  encodeDlqRecord,
  type PlainRecord,
} from './core/dlq-record.ts';
export type { Key } from './core/element.ts';
export { type ErrorCode, EXIT, MillraceError, type Place } from './core/errors.ts';
export type { OnThrow } from './core/operator.ts';
export { type Param, type Params, type Pipeline, type PipelineOptions, pipeline } from './core/pipeline.ts';
export type { Clock, Disk, Random } from './core/ports.ts';
export type { Header, LogRecord } from './core/record-batch.ts';
export type { Rejection, RejectionKind } from './core/rejection.ts';
export { KeyedStream, SealedStream, Stream } from './core/stream.ts';
export {
  createDlqProducer,
  DlqProducer,
  type DlqProducerOptions,
  type FailedRecord,
  type FailureContext,
} from './producer/dlq-producer.ts';
export { createProducer, Producer, type Transaction } from './producer/producer.ts';
export type { Delivered, OnDelivery, ProducerOptions, ProducerSpool, Sent } from './producer/producer-options.ts';
export { type HeadersInput, type SendOptions, type Topic, type TopicOptions, topicOf } from './producer/topic.ts';
export { type ObserveOptions, observe } from './runtime/observe.ts';
export type {
  ConfigurableGenerator,
  GeneratedRecord,
  Generator,
  GeneratorProgress,
  GeneratorTurn,
} from './runtime/generator.ts';
export { run } from './runtime/run.ts';
export type { Delivery, RunMode, RunOptions, RunReport, RunStatus, StartFrom } from './runtime/run-options.ts';
export type { DeliveryReport, OutgoingRecord } from './spool/outgoing.ts';
export { parseDuration } from './time/duration.ts';
export { iso, parseIso } from './time/iso.ts';
