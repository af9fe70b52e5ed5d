/** What the callbacks of `processKeyed` are given: one object, moved from call to call. */
import type { Chunk, Key } from '../../src/core/element.ts';
import type { LogRecord } from '../../src/core/record-batch.ts';
import { isEventTime } from '../../src/time/windows.ts';
import type { FiredTimer } from './keyed-step.ts';
import type { KeyEntry, KeyedTimers } from './keyed-timers.ts';

/** State and timers of one key. It is good during the call only. */
export interface KeyedContext<K extends Key, S> {
  readonly key: K;
  /** Event time of the record, or of the timer; epoch milliseconds. */
  readonly time: number;
  /** The watermark of the record's own partition before it; in a timer, its time. −Infinity before the first. */
  readonly watermark: number;
  /** The record of the log behind the value; `undefined` in a timer, and for a value that an operator computed. */
  readonly record: LogRecord | undefined;
  /**
   * The state of the key, made by `init` when it is asked for first. It may be changed in place or replaced; plain data only
   * (objects, arrays, Maps, strings, numbers, bigints, booleans, byte arrays).
   */
  state: S;
  /** Forgets the state of the key. Its timers stay. */
  readonly clear: () => void;
  /** Sets a timer of the key, or moves the one of that name. In a timer, `time` must be later than the timer's own. */
  readonly setTimer: (name: string, time: number) => void;
  /** Deletes a timer; one that is not set is fine. */
  readonly deleteTimer: (name: string) => void;
  /** When a timer fires, if it is set. */
  readonly timer: (name: string) => number | undefined;
}

export class KeyedCall<K extends Key, S> implements KeyedContext<K, S> {
  key!: K;
  time = 0;
  watermark = 0;
  private readonly timers: KeyedTimers<S>;
  private readonly init: () => S;
  private readonly hasOnTimer: boolean;
  private entry: KeyEntry<S> | undefined;
  /** The callback may have changed the entry. */
  private isChanged = false;
  private chunk: Chunk<unknown> | undefined;
  private i = 0;
  /** The timer that is firing, and the watermark that it fires at. */
  private firing: FiredTimer | undefined;
  private due = 0;
  /**
   * At the end of time, by key and name of a timer that a timer has set: the names that led to it. What leads back to itself is
   * not set, or the end would never come.
   */
  private readonly ancestors = new Map<Key, Map<string, ReadonlySet<string>>>();
  private lineage: ReadonlySet<string> | undefined;

  constructor(timers: KeyedTimers<S>, init: () => S, hasOnTimer: boolean) {
    this.timers = timers;
    this.init = init;
    this.hasOnTimer = hasOnTimer;
  }

  enterRecord(key: K, entry: KeyEntry<S> | undefined, chunk: Chunk<unknown>, i: number, watermark: number): void {
    this.key = key;
    this.time = chunk.times[i];
    this.watermark = watermark;
    this.entry = entry;
    this.isChanged = false;
    this.chunk = chunk;
    this.i = i;
    this.firing = undefined;
    this.due = watermark;
  }

  /** The timer is no longer set when its callback runs. */
  enterTimer(key: K, entry: KeyEntry<S>, timer: FiredTimer, watermark: number): void {
    this.key = key;
    this.time = timer.time;
    this.watermark = timer.time;
    this.entry = entry;
    this.isChanged = true;
    this.chunk = undefined;
    this.firing = timer;
    this.due = watermark;
    entry.value.timers!.delete(timer.name);
    if (watermark !== Number.POSITIVE_INFINITY) return;
    const own = this.ancestors.get(key);
    this.lineage = new Set(own?.get(timer.name)).add(timer.name);
    own?.delete(timer.name);
  }

  /** The entry of the key after the call, if there still is one. */
  leave(): KeyEntry<S> | undefined {
    const { entry } = this;
    if (entry === undefined) return undefined;
    if (this.isChanged) this.timers.settle(entry);
    return entry.gone ? undefined : entry;
  }

  get record(): LogRecord | undefined {
    return this.chunk?.input?.record(this.chunk.row(this.i));
  }

  get state(): S {
    const { value } = this.changed();
    value.held ??= [this.init()];
    return value.held[0];
  }

  set state(state: S) {
    this.changed().value.held = [state];
  }

  readonly clear = (): void => {
    if (this.entry !== undefined) this.changed().value.held = undefined;
  };

  readonly timer = (name: string): number | undefined => this.entry?.value.timers?.get(name);

  readonly setTimer = (name: string, time: number): void => {
    if (!this.hasOnTimer) throw new TypeError('setTimer() needs an onTimer callback');
    if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
      throw new TypeError('the name of a timer must be a non-empty string');
    }
    if (!isEventTime(time)) throw new TypeError(`timer '${name}' was set to what is no time: ${String(time)}`);
    if (this.firing !== undefined && time <= this.firing.time) {
      throw new RangeError(`timer '${this.firing.name}' sets timer '${name}' to a time that is not after its own`);
    }
    if (this.lineage !== undefined) {
      if (this.lineage.has(name)) return;
      const own = this.ancestors.get(this.key) ?? new Map<string, ReadonlySet<string>>();
      this.ancestors.set(this.key, own.set(name, this.lineage));
    }
    const { value } = this.changed();
    value.timers ??= new Map();
    value.timers.set(name, time);
    const timer = { time, key: this.key, name };
    if (time > this.due) this.timers.schedule(timer);
    else if (this.firing !== undefined) this.timers.scheduleNow(timer);
  };

  readonly deleteTimer = (name: string): void => {
    if (this.entry?.value.timers?.has(name)) this.changed().value.timers!.delete(name);
  };

  /** What a callback gives must not change behind its back when the state does. */
  checked<U>(value: U): U {
    if (typeof value === 'object' && value !== null && value === (this.entry?.value.held?.[0] as unknown)) {
      throw new TypeError(
        'the state itself was given as a result, and would change with it: give a copy, { ...state }',
      );
    }
    return value;
  }

  private changed(): KeyEntry<S> {
    this.entry ??= this.timers.add(this.key);
    this.isChanged = true;
    return this.entry;
  }
}
