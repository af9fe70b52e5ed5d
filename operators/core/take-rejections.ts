/** The step behind toDLQ() and lateTo(): takes rejections out of the stream and writes each to a topic, with its bytes. */
import { MillraceError } from '../../src/core/errors.ts';
import type { NodeContext, PlanNode, TopicOutput } from '../../src/core/operator.ts';
import type { Header } from '../../src/core/record-batch.ts';
import type { Rejection, RejectionKind } from '../../src/core/rejection.ts';
import type { AnyStream } from '../../src/core/stream.ts';
import { requireText } from './options.ts';
import { mapChunks } from './process.ts';
import { DEFAULT_PARTITIONS } from './source.ts';

/** A record that was too large for some step should not be too large for the topic that says so. */
const RECORD_BYTES = 64 * 1024 * 1024;
/** What is left of a value that is: room enough for the headers that say why. */
const CUT_SHARE = 0.5;
/** Stacks are for a person; a header need not hold more of one. */
const MAX_STACK = 2_000;

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

/** Key, value and headers as they came; reason and origin as headers of their own. */
export function writeRejection(ctx: NodeContext, output: TopicOutput, rejection: Rejection): void {
  const { input, row } = rejection;
  const failedAt = ctx.clock.now();
  const isOriginal = input !== undefined;
  const key = isOriginal ? input.key(row) : null;
  const value = isOriginal ? input.value(row) : Buffer.from(computedValue(rejection.value));
  const time = isOriginal ? input.timestamps[row] : failedAt;
  const reason = describe(rejection, failedAt, isOriginal ? 'original' : 'json');
  const headers = isOriginal ? [...input.headers(row), ...reason] : reason;
  if (output.append(key, value, time, headers)) return;
  // Larger than even this topic takes: as much of the value as fits, and its size; the origin leads to the rest.
  const cut = value?.subarray(0, Math.floor(output.maxRecordBytes * CUT_SHARE)) ?? null;
  const size = { key: 'dlq_truncated', value: Buffer.from(String(value?.length ?? 0)) };
  if (output.append(null, cut, time, [...reason, size])) return;
  throw new MillraceError('RECORD_TOO_LARGE', `${ctx.id} takes records up to ${output.maxRecordBytes} bytes only`, {
    place: { operator: ctx.id },
    hint: "raise the topic's max.message.bytes",
  });
}

/** A record that an operator computed has no bytes; what can be said of it is its value. */
function computedValue(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function describe(rejection: Rejection, failedAt: number, payload: 'original' | 'json'): Header[] {
  const { origin, input, row } = rejection;
  const fields: [string, string | number][] = [
    ['dlq_kind', rejection.kind],
    ['dlq_reason', rejection.reason],
    ['dlq_step', rejection.operator],
    ['dlq_topic', origin.topic],
    ['dlq_partition', origin.partition],
    ['dlq_failed_at', new Date(failedAt).toISOString()],
    ['dlq_payload', payload],
  ];
  if (input !== undefined) fields.push(['dlq_offset', input.offsets[row]], ['dlq_timestamp', input.timestamps[row]]);
  if (rejection.stack !== undefined) fields.push(['dlq_stack', rejection.stack.slice(0, MAX_STACK)]);
  return fields.map(([key, value]) => ({ key, value: Buffer.from(String(value)) }));
}
