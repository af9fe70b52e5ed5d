import { expect, it } from 'vitest';
import type { Element } from '../../src/core/element.ts';
import type { FetchedPartition, FetchOptions, FetchPosition, LogClient } from '../../src/log/log-client.ts';
import { Credit } from '../../src/runtime/credit.ts';
import { SourceReader } from '../../src/runtime/source-reader.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';

/** Has heard of no end when a fetch is called off, and never answers before. */
function silentLog(): LogClient {
  const fetch = (positions: readonly FetchPosition[], { signal }: FetchOptions): Promise<FetchedPartition[]> =>
    new Promise((resolve) => {
      const answers = positions.map(({ topic, partition, offset }) => ({
        topic,
        partition,
        batch: undefined,
        nextOffset: offset,
        highWatermark: offset,
        lastStableOffset: offset,
      }));
      if (signal?.aborted) resolve(answers);
      else signal?.addEventListener('abort', () => resolve(answers), { once: true });
    });
  return { fetch } as unknown as LogClient;
}

function readerOf(log: LogClient, offsets: readonly number[]): SourceReader {
  return new SourceReader({
    source: 'kafka(in)',
    topic: 'in',
    start: { offsets, lost: offsets.map(() => 0), topicId: undefined },
    log,
    clock: new ManualClock(0),
    credit: new Credit(1_000),
    maxChunkRecords: 10,
    onRecords: () => {},
    onNotice: () => {},
    onDataLoss: 'fail',
  });
}

it('does not take a partition for read to its end when a fetch is called off before the log has answered', async () => {
  const stopping = new AbortController();
  const reader = readerOf(silentLog(), [0, 0]);
  const seen: Element<unknown>[] = [];
  reader.elements.subscribe((element) => seen.push(element));
  const running = reader.run(stopping.signal);
  reader.readUntil([5, 5]);
  await new Promise(setImmediate);
  stopping.abort();
  await running;
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.filter((element) => element.kind === 'chunk' && element.caughtUp)).toEqual([]);
});

it.each([
  ['all that was there', { nextOffset: 7, highWatermark: 7, lastStableOffset: 7 }, false],
  ['less than was there', { nextOffset: 7, highWatermark: 9, lastStableOffset: 9 }, true],
  ['all in front of a transaction that is open', { nextOffset: 7, highWatermark: 9, lastStableOffset: 7 }, false],
])('is told of an answer with %s whether it is behind', async (_, ends, isBehind) => {
  const stopping = new AbortController();
  let isFirst = true;
  const silent = silentLog();
  const answer = { topic: 'in', partition: 0, batch: undefined, ...ends };
  const log = {
    fetch: (positions: readonly FetchPosition[], options: FetchOptions) => {
      if (!isFirst) return silent.fetch(positions, options);
      isFirst = false;
      return Promise.resolve([answer]);
    },
  } as unknown as LogClient;
  const reader = readerOf(log, [5]);
  const running = reader.run(stopping.signal);
  await new Promise(setImmediate);
  expect(reader.isBehind).toBe(isBehind);
  stopping.abort();
  await running;
});
