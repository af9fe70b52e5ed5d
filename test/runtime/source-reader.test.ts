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

it('does not take a partition for read to its end when a fetch is called off before the log has answered', async () => {
  const stopping = new AbortController();
  const reader = new SourceReader({
    source: 'kafka(in)',
    topic: 'in',
    start: { offsets: [0, 0], lost: [0, 0], topicId: undefined },
    log: silentLog(),
    clock: new ManualClock(0),
    credit: new Credit(1_000),
    maxChunkRecords: 10,
    onRecords: () => {},
    onNotice: () => {},
    onDataLoss: 'fail',
  });
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
