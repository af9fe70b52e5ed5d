/** What tumbling windows must give, computed in the plainest way: sort nothing, keep everything, look twice. */

export interface NaiveRecord {
  readonly partition: number;
  readonly key: string;
  /** Event time, epoch ms. */
  readonly time: number;
  readonly value: number;
}

export interface NaiveWindow {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  readonly values: readonly number[];
}

export interface NaiveOutcome {
  readonly windows: readonly NaiveWindow[];
  readonly late: readonly NaiveRecord[];
}

/**
 * All windows over `records` (in the order of each partition), as after a drain, and the records that came too late: those
 * whose own partition had, before them, seen a time that puts its watermark at or past end + grace.
 */
export function naiveTumbling(
  records: readonly NaiveRecord[],
  options: { readonly sizeMs: number; readonly graceMs: number; readonly outOfOrdernessMs: number },
): NaiveOutcome {
  const { sizeMs, graceMs, outOfOrdernessMs } = options;
  const greatest = new Map<number, number>();
  const windows = new Map<string, { key: string; start: number; end: number; values: number[] }>();
  const late: NaiveRecord[] = [];
  for (const record of records) {
    const seen = greatest.get(record.partition);
    const start = Math.floor(record.time / sizeMs) * sizeMs;
    const end = start + sizeMs;
    if (seen !== undefined && seen - outOfOrdernessMs >= end + graceMs) {
      late.push(record);
    } else {
      const name = `${start} ${record.key}`;
      const window = windows.get(name) ?? { key: record.key, start, end, values: [] };
      window.values.push(record.value);
      windows.set(name, window);
    }
    if (seen === undefined || record.time > seen) greatest.set(record.partition, record.time);
  }
  const order = (a: NaiveWindow, b: NaiveWindow) =>
    a.end - b.end || a.start - b.start || Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
  return { windows: [...windows.values()].sort(order), late };
}
