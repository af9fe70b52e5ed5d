/** The pipelines that can be tortured: what is fed to them, with which flags they run, and where they decide their epochs. */
import type { Generator } from '../../src/runtime/generator.ts';
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
  const { default: generator } = (await import(`../../pipelines/${name}/generator.ts`)) as { default: Generator };
  if (name === 'orders') {
    return {
      input: { generator, paceMs: ORDERS_PACE_MS, behindMs: () => 0 },
      params: { arrowRollMs: rollMs },
      decidedBy: (log) => (log === 'kafka' ? 'transaction' : 'store'),
    };
  }
  return {
    input: {
      generator,
      paceMs: TRANSACTIONS_PACE_MS,
      behindMs: (i) => (i % LATE_EVERY === LATE_EVERY - 1 ? LATE_MS : 0),
    },
    params: { triggerInterval: `${rollMs} milliseconds`, maxFilesPerSink: KEEP_FILES },
    // Its outputs are files, wherever its input is.
    decidedBy: () => 'store',
  };
}
