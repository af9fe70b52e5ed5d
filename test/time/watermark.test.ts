import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Origin } from '../../src/core/element.ts';
import { WatermarkTracker } from '../../src/time/watermark.ts';

const OPTIONS = { outOfOrdernessMs: 0, idleAfterMs: 100, maxDriftMs: 1_000, followClockWhenIdle: false };

function origins(n: number): Origin[] {
  return Array.from({ length: n }, (_, partition) => ({ source: 's', topic: 't', partition }));
}

function trackerOf(n: number, options = OPTIONS) {
  const all = origins(n);
  const tracker = new WatermarkTracker(all, options, 0);
  const see = (partition: number, watermark: number, now: number, caughtUp = false): void => {
    const progress = tracker.progress(all[partition]);
    progress.watermark = Math.max(progress.watermark, watermark);
    progress.activeAt = now;
    progress.caughtUp = caughtUp;
  };
  return { tracker, all, see };
}

describe('the minimum over partitions', () => {
  it('waits for a partition that has given nothing yet', () => {
    const { tracker, all, see } = trackerOf(2);
    see(0, 500, 0);
    expect(tracker.advance(1_000_000)).toBe(false);
    expect(tracker.heldBackBy).toBe(all[1]);
  });

  it('is the least of all, and names who holds it back', () => {
    const { tracker, all, see } = trackerOf(2);
    see(0, 500, 0);
    see(1, 300, 0);
    expect(tracker.advance(0)).toBe(true);
    expect(tracker.current).toBe(300);
    expect(tracker.heldBackBy).toBe(all[1]);
  });

  it('leaves out a partition that is read to its end and has given nothing for idleAfterMs', () => {
    const { tracker, see } = trackerOf(2);
    see(0, 500, 100);
    see(1, 300, 0, true);
    tracker.advance(99);
    expect(tracker.current).toBe(300);
    tracker.advance(100);
    expect(tracker.current).toBe(500);
  });

  it('never leaves out a partition that lags, however long it is silent', () => {
    const { tracker, see } = trackerOf(2);
    see(0, 500, 0);
    see(1, 300, 0, false);
    tracker.advance(1e9);
    expect(tracker.current).toBe(300);
  });

  it('goes to the greatest and no further when all are idle', () => {
    const { tracker, see } = trackerOf(2);
    see(0, 500, 0, true);
    see(1, 300, 0, true);
    tracker.advance(1e9);
    expect(tracker.current).toBe(500);
  });

  it('follows the clock when all are idle and it was asked to', () => {
    const { tracker, see } = trackerOf(1, { ...OPTIONS, outOfOrdernessMs: 10, followClockWhenIdle: true });
    see(0, 500, 0, true);
    tracker.advance(5_000);
    expect(tracker.current).toBe(4_990);
  });

  it('never goes back, also when an idle partition comes again with old times', () => {
    const { tracker, see } = trackerOf(2);
    see(0, 500, 0);
    see(1, 300, 0, true);
    tracker.advance(200);
    see(1, 350, 200);
    expect(tracker.advance(200)).toBe(false);
    expect(tracker.current).toBe(500);
  });

  it('rises only, and is what a restart finds, after any history', () => {
    const event = fc.record({
      partition: fc.nat(2),
      watermark: fc.integer({ min: -1e6, max: 1e6 }),
      wait: fc.nat(300),
      caughtUp: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 50 }), (events) => {
        const { tracker, all, see } = trackerOf(3);
        let now = 0;
        let before = tracker.current;
        for (const { partition, watermark, wait, caughtUp } of events) {
          now += wait;
          see(partition, watermark, now, caughtUp);
          tracker.advance(now);
          expect(tracker.current).toBeGreaterThanOrEqual(before);
          before = tracker.current;
        }
        const again = new WatermarkTracker(all, OPTIONS, now);
        again.restore(structuredClone(tracker.snapshot()));
        expect(again.current).toBe(tracker.current);
        expect(again.partitions.map(({ watermark }) => watermark)).toEqual(
          tracker.partitions.map(({ watermark }) => watermark),
        );
      }),
      { numRuns: 500, seed: 20_240_105 },
    );
  });
});

describe('drift', () => {
  it('pauses a partition that is more than maxDriftMs ahead, and lets it go on when it no longer is', () => {
    const { tracker, all, see } = trackerOf(2);
    see(0, 0, 0);
    see(1, 1_000, 0);
    expect(tracker.driftChanges(0)).toEqual([]);
    see(1, 1_001, 0);
    expect(tracker.driftChanges(0).map(({ origin, paused }) => [origin, paused])).toEqual([[all[1], true]]);
    expect(tracker.driftChanges(0)).toEqual([]);
    see(0, 1, 0);
    expect(tracker.driftChanges(0).map(({ origin, paused }) => [origin, paused])).toEqual([[all[1], false]]);
  });

  it('does not hold anybody back for a partition that is idle', () => {
    const { tracker, see } = trackerOf(2);
    see(0, 0, 0, true);
    see(1, 1e9, 200);
    expect(tracker.driftChanges(200)).toEqual([]);
  });
});
