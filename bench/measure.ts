/** What a bench gives back, and the arithmetic over its runs. */
export interface Measurement {
  readonly name: string;
  /** Records a second of each run, in the order of the runs. */
  readonly eventsPerSecond: readonly number[];
  /** Microseconds of CPU a record, user and system. */
  readonly cpuMicros: readonly number[];
  /** Peak resident memory in MiB. */
  readonly peakMiB: readonly number[];
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
