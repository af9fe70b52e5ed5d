import { describe, expect, it } from 'vitest';
import { parseDuration } from 'millrace';

describe('a duration in words', () => {
  it.each([
    ['30 seconds', 30_000],
    ['30 SECONDS', 30_000],
    ['1 second', 1_000],
    ['0 seconds', 0],
    ['500 ms', 500],
    ['500 milliseconds', 500],
    ['1.5s', 1_500],
    ['2 min', 120_000],
    ['2m', 120_000],
    [' 1 minute 30 seconds ', 90_000],
    ['1h30m', 5_400_000],
    ['2 hours', 7_200_000],
    ['1 day', 86_400_000],
  ])('%s is read', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', 'seconds', '-1 second', '30 parsecs', '1 s now', '1,5 s', 'constructor', '1 constructor', 's 1'])(
    '%j is refused',
    (text) => {
      expect(parseDuration(text)).toBeNaN();
    },
  );
});
