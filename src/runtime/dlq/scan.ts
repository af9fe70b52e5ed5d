/** Reads a topic from one set of offsets to another, a few megabytes at a time. */
import { MillraceError } from '../../core/errors.ts';
import type { RecordBatch } from '../../core/record-batch.ts';
import type { LogClient } from '../../log/log-client.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_WAIT_MS = 500;

export interface Range {
  /** By partition number: the first offset to read, and the one behind the last. */
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** All that is there now. */
export async function wholeTopic(log: LogClient, topic: string): Promise<Range> {
  const [from, to] = await Promise.all([log.offsets(topic, 'earliest'), log.offsets(topic, 'latest')]);
  return { from, to };
}

/** How far a scan has come: offsets, so that gaps count as the records that they were. */
export class Reached {
  readonly total: number;
  private readonly offsets: number[];
  private readonly range: Range;

  constructor(range: Range) {
    this.range = range;
    this.offsets = [...range.from];
    this.total = sum(range.to) - sum(range.from);
  }

  get seen(): number {
    return sum(this.offsets) - sum(this.range.from);
  }

  pass({ partition, nextOffset }: RecordBatch): void {
    this.offsets[partition] = nextOffset;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/**
 * Committed records in the order of each partition; ends early when `signal` aborts. What retention deletes in the meantime is
 * left out.
 */
export async function* scan(
  log: LogClient,
  topic: string,
  { from, to }: Range,
  signal?: AbortSignal,
): AsyncGenerator<RecordBatch, void, undefined> {
  let positions = from.map((offset, partition) => ({ topic, partition, offset }));
  for (;;) {
    positions = positions.filter(({ partition, offset }) => offset < to[partition]);
    if (positions.length === 0 || signal?.aborted === true) return;
    const options = { maxBytes: MAX_BYTES, maxWaitMs: MAX_WAIT_MS, ...(signal === undefined ? {} : { signal }) };
    const answers = await log.fetch(positions, options).catch((thrown: unknown) => gone(thrown));
    if (answers === undefined) {
      const first = await log.offsets(topic, 'earliest');
      positions = positions.map((place) => ({ ...place, offset: Math.max(place.offset, first[place.partition]) }));
      continue;
    }
    for (const { partition, batch, nextOffset } of answers) {
      positions = positions.map((place) => (place.partition === partition ? { ...place, offset: nextOffset } : place));
      const wanted = batch === undefined ? undefined : before(batch, to[partition]);
      if (wanted !== undefined) yield wanted;
    }
  }
}

/** Records that were deleted since the offsets were asked for are no failure. */
function gone(thrown: unknown): undefined {
  if (thrown instanceof MillraceError && thrown.code === 'OFFSET_OUT_OF_RANGE') return undefined;
  throw thrown;
}

function before(batch: RecordBatch, end: number): RecordBatch | undefined {
  if (batch.nextOffset <= end) return batch;
  const rows = batch.offsets.findIndex((offset) => offset >= end);
  return rows === 0 ? undefined : batch.subarray(0, rows);
}
