/** Window arithmetic: pure functions of times in epoch milliseconds, exact for every time that a Date can hold. */

/** A day short of 275,760 years on either side of the epoch: the range of an ECMAScript time value. */
export const MAX_TIME = 8.64e15;

export function isEventTime(time: unknown): time is number {
  return typeof time === 'number' && time >= -MAX_TIME && time <= MAX_TIME;
}

/** Start of the window of `size` that `time` falls into: time − floorMod(time, size), right for negative times too. */
export function tumblingStart(time: number, size: number): number {
  const past = time % size;
  // `+ 0` turns a negative zero into the zero that a window's start is compared with.
  return (past < 0 ? time - past - size : time - past) + 0;
}

/** How windows are laid over time. A record at `time` belongs to each window that `starts` gives, rising. */
export interface WindowAssigner {
  /** Milliseconds from start to end. */
  readonly size: number;
  /** The one window that holds `time`, where there is never more than one; else `undefined`. */
  readonly startOf: ((time: number) => number) | undefined;
  starts(time: number): readonly number[];
}

/** Windows side by side: each time belongs to exactly one. */
export function tumbling(size: number): WindowAssigner {
  const startOf = (time: number) => tumblingStart(time, size);
  return { size, startOf, starts: (time) => [startOf(time)] };
}
