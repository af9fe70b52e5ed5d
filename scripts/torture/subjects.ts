/** The pipelines that can be tortured: what is fed to them, with which flags they run, and where they decide their epochs. */
import type { Pipeline } from '../../src/core/pipeline.ts';
import { type AnyGenerator, type Generator, generatorFor } from '../../src/runtime/generator.ts';
import { paramValues } from '../../src/runtime/params.ts';
import type { RunOptions } from '../../src/runtime/run-options.ts';
import type { LogClient } from '../../src/log/log-client.ts';

export const SUBJECTS = ['orders', 'transactions'] as const;
export type SubjectName = (typeof SUBJECTS)[number];

/** What is written to the topic. */
export interface FeedInput {
  readonly generator: Generator;
  /** Event time between two records, however fast they are written. */
  readonly paceMs: number;
  /** How far back in event time the record of this turn stands. */
  behindMs(index: number): number;
}

export interface Subject {
  readonly input: FeedInput;
  /** Flags of the pipeline under which files come often. */
  readonly params: NonNullable<RunOptions['params']>;
  /** Its outputs are folders of which only the last files are kept. */
  readonly hasFolders: boolean;
  decidedBy(log: LogClient['kind']): 'store' | 'transaction';
}

const ORDERS_PACE_MS = 20;
/** Five minutes of watermark pass within some thousand transactions … */
const TRANSACTIONS_PACE_MS = 200;
/** … and of so many, one comes when its window has closed. */
const LATE_EVERY = 97;
const LATE_MS = 720_000;
const ROLL_MS = 300;
const KEEP_FILES = 6;

export async function subjectOf(name: SubjectName, rollMs = ROLL_MS): Promise<Subject> {
  const isOrders = name === 'orders';
  const params: Subject['params'] = isOrders
    ? { arrowRollMs: rollMs }
    : { triggerInterval: `${rollMs} milliseconds`, maxFilesPerSink: KEEP_FILES };
  const { default: pipeline } = (await import(`../../pipelines/${name}/pipeline.ts`)) as { default: Pipeline };
  const { default: any } = (await import(`../../pipelines/${name}/generator.ts`)) as { default: AnyGenerator };
  const generator = (await generatorFor(any, paramValues(pipeline, params)))!;
  const isLate = (index: number) => !isOrders && index % LATE_EVERY === LATE_EVERY - 1;
  return {
    input: {
      generator,
      paceMs: isOrders ? ORDERS_PACE_MS : TRANSACTIONS_PACE_MS,
      behindMs: (index) => (isLate(index) ? LATE_MS : 0),
    },
    params,
    hasFolders: !isOrders,
    // The outputs of transactions are files, wherever its input is.
    decidedBy: (log) => (isOrders && log === 'kafka' ? 'transaction' : 'store'),
  };
}
