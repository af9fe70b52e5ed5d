/** What the engine asks of the world. Each port is injected, so that a test can stand in for time, chance and disk. */

/** Time. Only src/time/clock.ts reads the real one. */
export interface Clock {
  /** Processing time, epoch milliseconds. Somebody may set it, back too. */
  now(): number;
  /** Milliseconds since some moment, by a clock that nobody sets: for how long something takes. */
  elapsed(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Repeatable chance: uniform in [0, 1). */
export type Random = () => number;

/**
 * Files, as the file sinks need them. Paths are absolute. A write is durable once `sync` of its file has resolved, a
 * created, renamed or removed name once `syncDir` of its folder has; nothing else promises durability.
 */
export interface Disk {
  /** Bytes of the file, or `undefined` when there is none. */
  size(path: string): Promise<number | undefined>;
  /** Bytes `start` (default 0) to `end` (exclusive, default the end) of the file, fewer where it ends before. */
  read(path: string, start?: number, end?: number): Promise<Uint8Array>;
  /** Writes all bytes at `offset`, creating the file when it is missing. */
  write(path: string, offset: number, bytes: Uint8Array): Promise<void>;
  truncate(path: string, size: number): Promise<void>;
  sync(path: string): Promise<void>;
  /** Replaces `to` atomically. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; a missing one is fine. */
  remove(path: string): Promise<void>;
  /** Creates the folder and its parents, durably. */
  mkdir(path: string): Promise<void>;
  /** Names in the folder, sorted; empty when the folder is missing. */
  list(path: string): Promise<string[]>;
  syncDir(path: string): Promise<void>;
}
