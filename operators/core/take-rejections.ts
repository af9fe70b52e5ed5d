/** The step behind toDLQ() and lateTo(): takes rejections out of the stream and writes each to a topic, with its bytes. */
import { type DlqFailure, encodeCutDlqRecord, encodeDlqRecord, type PlainRecord } from '../../src/core/dlq-record.ts';
import { MillraceError } from '../../src/core/errors.ts';
import type { NodeContext, PlanNode, TopicOutput } from '../../src/core/operator.ts';
import { type Rejection, type RejectionKind, textOfComputed } from '../../src/core/rejection.ts';
import type { AnyStream } from '../../src/core/stream.ts';
import { requireText } from './options.ts';
import { mapChunks } from './process.ts';
import { DEFAULT_PARTITIONS } from './source.ts';

/** A record that was too large for some step should not be too large for the topic that says so. */
const RECORD_BYTES = 64 * 1024 * 1024;

export function takeRejectionsNode(
  stream: AnyStream,
  kind: string,
  topic: string,
  takes: 'all' | readonly RejectionKind[],
): PlanNode {
  requireText(kind, 'topic', topic);
  return {
    kind,
    name: topic,
    role: 'operator',
    inputs: [stream.node],
    options: {},
    keepsValues: true,
    stateful: false,
    adds: [],
    takes,
    topics: [
      { topic, use: 'write', partitions: DEFAULT_PARTITIONS, partitionsByDefault: true, recordBytes: RECORD_BYTES },
    ],
    build(ctx, [input]) {
      const output = ctx.topic(topic);
      const isTaken = (rejection: Rejection) => takes === 'all' || takes.includes(rejection.kind);
      return mapChunks(ctx, input, (chunk) => {
        ctx.counts.passed += chunk.length;
        if (chunk.rejections.length === 0) return chunk;
        const carried: Rejection[] = [];
        for (const rejection of chunk.rejections) {
          if (isTaken(rejection)) writeRejection(ctx, output, rejection);
          else carried.push(rejection);
        }
        ctx.counts.taken += chunk.rejections.length - carried.length;
        return chunk.withRejections(carried);
      });
    },
  };
}

/** Key, value and headers as they came, in the shape of a DLQ record: see dlq-record.ts. */
export function writeRejection(ctx: NodeContext, output: TopicOutput, rejection: Rejection): void {
  const { input, row } = rejection;
  const failure = failureOf(rejection, ctx.clock.now());
  const original: PlainRecord =
    input === undefined
      ? { key: null, value: Buffer.from(textOfComputed(rejection.value)), headers: [] }
      : { key: input.key(row), value: input.value(row), headers: input.headers(row) };
  const time = failure.timestamp ?? failure.failedAt;
  if (append(output, encodeDlqRecord(original, failure, input?.jsonRows?.isJson(row)), time)) return;
  if (append(output, encodeCutDlqRecord(original, failure, output.maxRecordBytes), time)) return;
  throw new MillraceError('RECORD_TOO_LARGE', `${ctx.id} takes records up to ${output.maxRecordBytes} bytes only`, {
    place: { operator: ctx.id },
    hint: "raise the topic's max.message.bytes",
  });
}

function append(output: TopicOutput, { key, value, headers }: PlainRecord, time: number): boolean {
  return output.append(key, value, time, headers);
}

function failureOf(rejection: Rejection, failedAt: number): DlqFailure {
  const { reason, kind, operator, origin, input, row, stack } = rejection;
  return {
    reason,
    failedAt,
    kind,
    step: operator,
    topic: origin.topic,
    partition: origin.partition,
    offset: input?.offsets[row],
    timestamp: input?.timestamps[row],
    stack,
  };
}
