import { describe, expect, it } from 'vitest';
import { survey } from '../../../src/runtime/dlq/survey.ts';
import { courtOf, DLQ, dlqWorld, infoOf, putFailed } from './world.ts';

describe('a survey', () => {
  it('groups reasons that differ by times and numbers, and leaves the name of an encoding whole', async () => {
    const { log } = await dlqWorld();
    for (const reason of ['odd: 1', 'odd: 23', 'not UTF-8 at 7', 'late at 2024-02-29T12:00:00Z']) {
      await putFailed(log, 2, { reason });
    }
    const { signal } = new AbortController();
    const { groups } = await survey({ log, dlq: await infoOf(log, DLQ), court: await courtOf(log), signal });
    expect(groups.map(({ reason, records }) => [reason, records])).toEqual([
      ['odd: N', 4],
      ['not UTF-8 at N', 2],
      ['late at TIME', 2],
    ]);
  });
});
