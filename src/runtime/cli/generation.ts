/** What the generator is to do beside a pipeline: a pure function of flags. */
import type { Generator } from '../generator.ts';
import type { RunMode } from '../run-options.ts';
import { usageError } from './failure.ts';
import type { GeneratorFlags, RunFlags } from './flags.ts';
import { counted } from './text.ts';

export interface Generation {
  readonly rate: number;
  readonly events: number | undefined;
  readonly seed: number;
  readonly start: number | undefined;
  readonly badRatio: number;
  readonly backfill: boolean;
  readonly live: boolean;
}

const DEFAULT_SEED = 1;

export function modeOf({ once, drain }: RunFlags): RunMode {
  if (once && drain) {
    throw usageError(
      '--once and --drain exclude each other',
      'keep --once to go on later, or --drain to close every window',
    );
  }
  return once ? 'once' : drain ? 'drain' : 'live';
}

/**
 * What is generated during a run; `undefined` for nothing. On the embedded log the generator runs unless told otherwise, on Kafka only
 * when told to. `--once` and `--drain` end, so they take back-fill or a number of records, and no endless generator.
 * @throws MillraceError CONFIG_INVALID
 */
export function generationOf(
  flags: RunFlags,
  generator: Generator | undefined,
  log: 'embedded' | 'kafka',
  now: number,
): Generation | undefined {
  const mode = modeOf(flags);
  if (flags.generate && generator === undefined) {
    throw usageError('--generate: this pipeline has no generator', 'put a generator.ts beside its pipeline.ts');
  }
  const rate = flags.generate ?? (log === 'embedded' ? (generator?.rate ?? 0) : 0);
  if (generator === undefined || rate === 0) {
    refuseWithoutGenerator(flags, generator, log);
    return undefined;
  }
  if (mode !== 'live' && flags.generate !== undefined && flags.events === undefined) {
    throw usageError(`--generate with --${mode} would never come to an end`, 'add --events N, or leave --generate out');
  }
  return { ...settings(flags, generator, rate, now), backfill: log === 'embedded', live: mode === 'live' };
}

/** What `millrace generate` does. */
export function generationAlone(
  flags: GeneratorFlags & { readonly rate?: number; readonly brokers?: string },
  generator: Generator,
  now: number,
): Generation {
  const backfill = flags.brokers === undefined;
  return { ...settings(flags, generator, flags.rate ?? generator.rate, now), backfill, live: true };
}

function settings(flags: GeneratorFlags, generator: Generator, rate: number, now: number) {
  if (flags.start !== undefined && flags.start > now) {
    throw usageError(
      `--start ${new Date(flags.start).toISOString()} lies in the future: its records would be rejected as FutureRecord`,
      'give a time in the past',
    );
  }
  const { events, seed = DEFAULT_SEED, start, badRatio = generator.badRatio } = flags;
  return { rate, events, seed, start, badRatio };
}

function refuseWithoutGenerator(flags: RunFlags, generator: Generator | undefined, log: 'embedded' | 'kafka'): void {
  const given = (['events', 'seed', 'start', 'badRatio'] as const).find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  const flag = given === 'badRatio' ? '--bad-ratio' : `--${given}`;
  if (generator === undefined) {
    throw usageError(
      `${flag}: this pipeline has no generator`,
      `leave ${flag} out, or put a generator.ts beside its pipeline.ts`,
    );
  }
  if (flags.generate === 0) throw usageError(`${flag} and --generate 0 exclude each other`, 'leave one of them out');
  throw usageError(
    `${flag} tells a generator that does not run: on ${log === 'kafka' ? 'Kafka' : 'this log'} it is off`,
    'add --generate RATE',
  );
}

/** `30 records/s behind a back-fill, seed 1` */
export function describeGeneration({ rate, events, seed, start, backfill, live }: Generation): string {
  const pace = live
    ? `${rate} records/s${backfill ? ', after a back-fill where the topic is empty' : ''}`
    : 'as fast as the log takes them';
  const count = events === undefined ? '' : `${counted(events, 'record')}, `;
  const only = !live && events === undefined ? 'a back-fill where the topic is empty' : `${count}${pace}`;
  return `${only}, seed ${seed}${start === undefined ? '' : `, from ${new Date(start).toISOString()}`}`;
}
