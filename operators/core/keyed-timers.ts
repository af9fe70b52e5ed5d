/** State and timers by key, as `processKeyed` keeps them: what is near in time in memory, the rest in the store. */
import type { Key } from '../../src/core/element.ts';
import type { KeyedState, NodeContext, StateEntry } from '../../src/core/operator.ts';
import { tumblingStart } from '../../src/time/windows.ts';
import { type Timer, TimerQueue } from './timer-queue.ts';

/** What is kept of one key. */
export interface KeyRecord<S> {
  /** The user's state, boxed: it may be anything, `undefined` included. */
  held: [S] | undefined;
  /** When each timer of the key fires, by name. */
  timers: Map<string, number> | undefined;
}

export type KeyEntry<S> = StateEntry<KeyRecord<S>>;

/** Timers are found again by the hour in which they fire; those of the hours that the watermark has come to are in memory. */
const HOUR_MS = 3_600_000;
/** Holds the records of the keys. No hour starts at half a millisecond. */
const RECORDS = 0.5;

export interface TimersSnapshot {
  readonly watermark: number;
  readonly slots: readonly number[];
}

export class KeyedTimers<S> {
  /** The operator's own: the least over the partitions that are not idle. */
  watermark = Number.NEGATIVE_INFINITY;
  private readonly state: KeyedState<KeyRecord<S> | true>;
  private readonly queue: TimerQueue;
  /** The last hour whose timers are in the queue. */
  private loadedThrough = Number.NEGATIVE_INFINITY;

  constructor(ctx: NodeContext) {
    this.state = ctx.keyedState<KeyRecord<S> | true>();
    this.queue = new TimerQueue((timer) => this.isSet(timer));
    ctx.keep({
      snapshot: (): TimersSnapshot => ({ watermark: this.watermark, slots: this.state.slots() }),
      restore: (snapshot) => {
        const { watermark, slots } = snapshot as TimersSnapshot;
        this.watermark = watermark;
        this.state.restore(slots);
      },
    });
    ctx.report(() => ({ stateEntries: this.state.size }));
  }

  find(key: Key): KeyEntry<S> | undefined {
    return this.state.get(RECORDS, key) as KeyEntry<S> | undefined;
  }

  /** The record of a key that `find` did not find. */
  add(key: Key): KeyEntry<S> {
    return this.state.add(RECORDS, key, { held: undefined, timers: undefined }) as KeyEntry<S>;
  }

  /** A callback may have changed the record: it is kept, or forgotten where it says nothing any more. */
  settle(entry: KeyEntry<S>): void {
    const { value } = entry;
    if (value.timers?.size === 0) value.timers = undefined;
    if (value.held === undefined && value.timers === undefined) this.state.remove(RECORDS, entry.key);
    else if (!entry.dirty) this.state.touch(entry, RECORDS);
  }

  /** Makes a timer, which the key's record names, known to those that look for what is due. */
  schedule(timer: Timer): void {
    const hour = hourOf(timer.time);
    if (this.state.get(hour, timer.key) === undefined) this.state.touch(this.state.add(hour, timer.key, true), hour);
    if (hour <= this.loadedThrough) this.queue.push(timer);
  }

  /** As `schedule`, for a timer that fires before the watermark goes on: no checkpoint can come in between. */
  scheduleNow(timer: Timer): void {
    this.queue.push(timer);
  }

  /** The next timer that is due at `watermark`, and the record of its key. */
  nextDue(watermark: number): { readonly timer: Timer; readonly entry: KeyEntry<S> } | undefined {
    for (let timer = this.queue.popDue(watermark); timer !== undefined; timer = this.queue.popDue(watermark)) {
      const entry = this.find(timer.key);
      if (entry?.value.timers?.get(timer.name) === timer.time) return { timer, entry };
    }
    return undefined;
  }

  /** Brings the timers of all hours that begin at or before `watermark` into memory. */
  load(watermark: number): void {
    for (const hour of this.state.slots()) {
      if (hour > watermark) break;
      if (hour === RECORDS || hour <= this.loadedThrough) continue;
      for (const { key } of this.state.entries(hour)) {
        for (const [name, time] of this.find(key)?.value.timers ?? []) {
          if (hourOf(time) === hour) this.queue.push({ time, key, name });
        }
      }
    }
    this.loadedThrough = hourOf(watermark);
  }

  /** The watermark has risen and what was due has fired: hours that are over are forgotten. */
  moveTo(watermark: number): void {
    this.watermark = watermark;
    for (const hour of this.state.slots()) {
      if (hour + HOUR_MS > watermark) break;
      if (hour !== RECORDS) this.state.forget(hour);
    }
  }

  private isSet({ key, name, time }: Timer): boolean {
    return this.find(key)?.value.timers?.get(name) === time;
  }
}

function hourOf(time: number): number {
  return Number.isFinite(time) ? tumblingStart(time, HOUR_MS) : time;
}
