/** Timers in the order in which they fire: by time, then key, then name. Pure; it knows neither state nor RxJS. */
import type { Key } from '../../src/core/element.ts';
import { compareKeys } from '../../src/core/key-order.ts';

export interface Timer {
  /** Event time, epoch milliseconds. */
  readonly time: number;
  readonly key: Key;
  readonly name: string;
}

export function compareTimers(a: Timer, b: Timer): number {
  if (a.time !== b.time) return a.time - b.time;
  return compareKeys(a.key, b.key) || compareNames(a.name, b.name);
}

export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Below this many timers those that were moved or deleted are left to be skipped. */
const MIN_COMPACTED = 1_024;

/**
 * A heap of timers. One that was moved or deleted stays until it is popped, and is the caller's to skip; when such could be
 * half of all, they are thrown out, so that the heap has at most twice the timers that are set, and 1,024.
 */
export class TimerQueue {
  private heap: Timer[] = [];
  private compactAt = MIN_COMPACTED;
  private readonly isSet: (timer: Timer) => boolean;

  constructor(isSet: (timer: Timer) => boolean) {
    this.isSet = isSet;
  }

  get length(): number {
    return this.heap.length;
  }

  push(timer: Timer): void {
    if (this.heap.length >= this.compactAt) this.compact();
    const { heap } = this;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compareTimers(heap[parent], timer) <= 0) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = timer;
  }

  /** The first timer, if it is due at `time`. */
  popDue(time: number): Timer | undefined {
    const { heap } = this;
    const first = heap[0];
    if (first === undefined || first.time > time) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) this.sink(last);
    return first;
  }

  private sink(timer: Timer): void {
    const { heap } = this;
    let at = 0;
    for (let child = 1; child < heap.length; child = at * 2 + 1) {
      if (child + 1 < heap.length && compareTimers(heap[child + 1], heap[child]) < 0) child++;
      if (compareTimers(timer, heap[child]) <= 0) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = timer;
  }

  private compact(): void {
    const sorted = this.heap.filter(this.isSet).sort(compareTimers);
    // What is sorted is a heap. A timer that was moved away and back is in it twice.
    this.heap = sorted.filter((timer, i) => i === 0 || compareTimers(sorted[i - 1], timer) !== 0);
    this.compactAt = Math.max(MIN_COMPACTED, this.heap.length * 2);
  }
}
