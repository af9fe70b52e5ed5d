/** Generators: repeatable input for a pipeline, so that it can be tried where there is none. */
import type { ParamValues, Params, Pipeline } from '../core/pipeline.ts';
import type { Random } from '../core/ports.ts';
import type { Header } from '../core/record-batch.ts';
import type { Compression } from '../kafka/compression.ts';

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
  /** Of what is written to Kafka, unless `--compression` says otherwise. Default: none. */
  readonly compression?: Compression;
  /** Records of so many milliseconds go out together. Default 100. */
  readonly lingerMs?: number;
  /**
   * One file for the records of the spool, relative to the data folder, unless `--spool` says otherwise. Default: files in
   * `.millrace/spool/TOPIC`.
   */
  readonly spool?: string;
  /** What `millrace generate` tells of records that have been sent. Default: their number, every 5 s. */
  readonly progress?: GeneratorProgress;
  /** The record for one turn: a pure function of its argument. */
  record(turn: GeneratorTurn): GeneratedRecord;
}

/** A line whenever another `every` records have been sent; where many go out together, the last of those lines only. */
export interface GeneratorProgress {
  readonly every: number;
  line(sent: number, last: GeneratedRecord): string;
}

/** What `generator.ts` exports where the generator depends on the pipeline's own flags; loaded when it is to generate. */
export interface ConfigurableGenerator<P extends Params = Params> {
  /** One sentence for `--help`. */
  readonly description: string;
  configure(values: ParamValues<P>): Promise<Generator>;
}

export type AnyGenerator = Generator | ConfigurableGenerator;

/** The generator for these values of the pipeline's own flags. */
export async function generatorFor(
  generator: AnyGenerator | undefined,
  values: Parameters<Pipeline['build']>[0],
): Promise<Generator | undefined> {
  return generator !== undefined && 'configure' in generator ? generator.configure(values) : generator;
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
