/** Generators: repeatable input for a pipeline, so that it can be tried where there is none. */
import type { Random } from '../core/ports.ts';

/** What a pipeline's `generator.ts` exports by default. */
export interface Generator {
  readonly topic: string;
  /** Partitions to create the topic with where it is missing. */
  readonly partitions: number;
  /** Records a second unless `--generate` says otherwise. */
  readonly rate: number;
  /** Milliseconds of event time that are written at once into an empty embedded topic. */
  readonly backfillMs: number;
  /** One sentence for `--help`. */
  readonly description: string;
  /**
   * Record number `index` (from 0) of the stream that `seed` stands for. Must be a pure function of its arguments: `random`
   * is seeded by seed and index, `time` is the event time that the pace gives this record (epoch ms).
   */
  record(index: number, time: number, seed: number, random: Random): GeneratedRecord;
}

export interface GeneratedRecord {
  readonly key: string | null;
  readonly value: string | Uint8Array | null;
}
