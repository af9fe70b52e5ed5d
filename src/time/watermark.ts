/**
 * Watermarks by partition, their minimum, idleness and drift. Pure: times come in as arguments, and nothing here knows
 * records, RxJS or a clock.
 */
import type { Origin } from '../core/element.ts';

export interface WatermarkOptions {
  /** How far behind the greatest time of its partition a record may come, in milliseconds. */
  readonly outOfOrdernessMs: number;
  /** A partition that has been read to its end and gave no record for so long is left out of the minimum. */
  readonly idleAfterMs: number;
  /** A partition further ahead of the slowest one than this, in event time, is paused. */
  readonly maxDriftMs: number;
  /** When all partitions are idle, go on with processing time, less the out-of-orderness. */
  readonly followClockWhenIdle: boolean;
}

/** One partition's progress. */
export class PartitionProgress {
  readonly origin: Origin;
  /** Greatest event time seen less the out-of-orderness; −Infinity before the first record. */
  watermark = Number.NEGATIVE_INFINITY;
  caughtUp = false;
  paused = false;
  /** Processing time of the last record that had an event time, or of the moment from which idleness is counted. */
  activeAt: number;

  constructor(origin: Origin, now: number) {
    this.origin = origin;
    this.activeAt = now;
  }
}

/** Plain data for a checkpoint: by partition, its watermark and when it last gave a record (processing time). */
export type WatermarkSnapshot = {
  readonly minimum: number;
  readonly partitions: Readonly<Record<string, { readonly watermark: number; readonly activeAt: number }>>;
};

export class WatermarkTracker {
  readonly partitions: readonly PartitionProgress[];
  private readonly byOrigin: ReadonlyMap<Origin, PartitionProgress>;
  private readonly options: WatermarkOptions;
  private minimum = Number.NEGATIVE_INFINITY;
  private heldBy: Origin | undefined;

  constructor(origins: readonly Origin[], options: WatermarkOptions, now: number) {
    this.options = options;
    this.partitions = origins.map((origin) => new PartitionProgress(origin, now));
    this.byOrigin = new Map(this.partitions.map((progress) => [progress.origin, progress]));
    this.heldBy = origins[0];
  }

  progress(origin: Origin): PartitionProgress {
    return this.byOrigin.get(origin)!;
  }

  /** No record with an event time below this is expected any more. Never goes back. */
  get current(): number {
    return this.minimum;
  }

  /** The partition that holds the watermark back. */
  get heldBackBy(): Origin | undefined {
    return this.heldBy;
  }

  /**
   * Takes the minimum anew and returns whether it has risen. Idle partitions are left out; when all are idle it goes to the
   * greatest watermark and no further, unless asked to follow the clock. A partition that lags, or has never been read to its end, is never idle.
   */
  advance(now: number): boolean {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    let slowest: Origin | undefined;
    for (const progress of this.partitions) {
      if (progress.watermark > greatest) greatest = progress.watermark;
      if (this.isIdle(progress, now) || progress.watermark >= least) continue;
      least = progress.watermark;
      slowest = progress.origin;
    }
    const next = slowest === undefined ? this.whenAllIdle(greatest, now) : least;
    this.heldBy = slowest;
    if (!(next > this.minimum)) return false;
    this.minimum = next;
    return true;
  }

  private whenAllIdle(greatest: number, now: number): number {
    const { followClockWhenIdle, outOfOrdernessMs } = this.options;
    return followClockWhenIdle ? Math.max(greatest, now - outOfOrdernessMs) : greatest;
  }

  isIdle(progress: PartitionProgress, now: number): boolean {
    return progress.caughtUp && now - progress.activeAt >= this.options.idleAfterMs;
  }

  /** Partitions whose pause has to change: too far ahead of the slowest that is not idle, or no longer so. */
  driftChanges(now: number): PartitionProgress[] {
    let slowest = Number.POSITIVE_INFINITY;
    for (const progress of this.partitions) {
      if (this.isIdle(progress, now) || progress.watermark === Number.NEGATIVE_INFINITY) continue;
      if (progress.watermark < slowest) slowest = progress.watermark;
    }
    const changed = this.partitions.filter(
      (progress) => progress.paused !== progress.watermark - slowest > this.options.maxDriftMs,
    );
    for (const progress of changed) progress.paused = !progress.paused;
    return changed;
  }

  snapshot(): WatermarkSnapshot {
    const entries = this.partitions.map(
      ({ origin, watermark, activeAt }) => [nameOf(origin), { watermark, activeAt }] as const,
    );
    return { minimum: this.minimum, partitions: Object.fromEntries(entries) };
  }

  /**
   * Partitions that the snapshot does not know keep their place before the first record. How long a partition has been
   * silent counts over runs: one that runs for a second every hour would never find it idle.
   */
  restore(snapshot: WatermarkSnapshot): void {
    this.minimum = snapshot.minimum;
    for (const progress of this.partitions) {
      const known = snapshot.partitions[nameOf(progress.origin)];
      if (known !== undefined) Object.assign(progress, known);
    }
  }
}

function nameOf({ source, topic, partition }: Origin): string {
  return `${source} ${topic} ${partition}`;
}
