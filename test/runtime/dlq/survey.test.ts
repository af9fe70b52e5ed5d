import { describe, expect, it } from 'vitest';
import { survey } from '../../../src/runtime/dlq/survey.ts';
import { courtOf, DLQ, dlqWorld, infoOf, putFailed } from './world.ts';

describe('a survey', () => {
  it('groups reasons that differ by times and numbers, and keeps those in which they do not differ', async () => {
    const { log } = await dlqWorld();
    const reasons = [
      'odd: 1',
      'odd: 23',
      'not UTF-8 at 7',
      'not UTF-8 at 8',
      'below 10 at 2024-02-29T12:00:00Z',
      'below 10 at 2024-02-29T13:00:00Z',
      'above 2.5 since 2024-02-29T12:00:00Z',
    ];
    for (const reason of reasons) await putFailed(log, 2, { reason });
    const { signal } = new AbortController();
    const { groups } = await survey({ log, dlq: await infoOf(log, DLQ), court: await courtOf(log), signal });
    expect(groups.map(({ reason, records }) => [reason, records])).toEqual([
      ['odd: N', 4],
      ['not UTF-8 at N', 4],
      ['below 10 at TIME', 4],
      ['above 2.5 since 2024-02-29T12:00:00Z', 2],
    ]);
  });
});
