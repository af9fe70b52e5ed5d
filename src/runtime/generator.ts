/** Generators: repeatable input for a pipeline, so that it can be tried where there is none. */
import type { Random } from '../core/ports.ts';
import type { Header } from '../core/record-batch.ts';

/** What a pipeline's `generator.ts` exports by default. */
export interface Generator {
  readonly topic: string;
  /** Partitions to create the topic with where it is missing. */
  readonly partitions: number;
  /** Records a second unless `--generate` says otherwise. */
  readonly rate: number;
  /** Milliseconds of event time that are written at once into an empty embedded topic. */
  readonly backfillMs: number;
  /** Share of records (0 to 1) that are broken on purpose unless `--bad-ratio` says otherwise. */
  readonly badRatio: number;
  /** One sentence for `--help`. */
  readonly description: string;
  /** The record for one turn: a pure function of its argument. */
  record(turn: GeneratorTurn): GeneratedRecord;
}

export interface GeneratorTurn {
  /** Number of the record in its topic, from 0. */
  readonly index: number;
  /** Event time that the pace gives this record, epoch ms. */
  readonly time: number;
  readonly seed: number;
  /** Seeded by seed and index. */
  readonly random: Random;
  readonly badRatio: number;
}

export interface GeneratedRecord {
  readonly key: string | null;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly Header[];
}
