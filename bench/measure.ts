/** What a bench gives back, the arithmetic over its runs, and the table of them. */
import { cpus } from 'node:os';

export type Maker = 'millrace' | 'public' | 'java' | 'python';

/** One run of one program. */
export interface Run {
  readonly recordsPerSecond: number;
  /** Microseconds of CPU a record, user and system. */
  readonly cpuMicros: number;
  /** Peak resident memory in MiB. */
  readonly peakMiB: number;
}

export interface Measurement<R extends Run = Run> {
  readonly name: string;
  /** Whose program it is: `public` ones are those that ours are held against. */
  readonly maker: Maker;
  /** In the order in which they were made. */
  readonly runs: readonly R[];
}

export interface Contender<R extends Run = Run> {
  readonly name: string;
  readonly maker: Maker;
  run(round: number): Promise<R> | R;
}

/** A figure that a bench has beside those of every run; `undefined` where a program has none. */
export interface Column<R extends Run> {
  readonly title: string;
  readonly of: (run: R) => number | undefined;
}

/** Those whose names begin with `only`. */
export function beginning<C extends { readonly name: string }>(only: string, contenders: readonly C[]): C[] {
  const chosen = contenders.filter(({ name }) => name.startsWith(only));
  if (chosen.length > 0) return chosen;
  throw new Error(`no name begins with '${only}': ${contenders.map(({ name }) => name).join(', ')}`);
}

/** Runs every contender once a round, so that a slow minute of the machine falls on all of them. */
export async function alternate<R extends Run>(
  contenders: readonly Contender<R>[],
  rounds: number,
): Promise<Measurement<R>[]> {
  const runs = new Map<Contender<R>, R[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const run = await contender.run(round);
      runs.get(contender)!.push(run);
      const rate = `${whole(run.recordsPerSecond)}/s`.padStart(14);
      process.stderr.write(`  ${round + 1}/${rounds} ${contender.name.padEnd(44)}${rate}\n`);
    }
  }
  return contenders.map((contender) => ({
    name: contender.name,
    maker: contender.maker,
    runs: runs.get(contender)!,
  }));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function rateOf({ runs }: Measurement): number {
  return median(runs.map(({ recordsPerSecond }) => recordsPerSecond));
}

/** Medians, least and most, and how many times the best public client each of them is. */
export function printTable<R extends Run>(
  title: string,
  measurements: readonly Measurement<R>[],
  more: readonly Column<R>[] = [],
): void {
  const rounds = measurements[0].runs.length;
  const publicRates = measurements.filter(({ maker }) => maker === 'public').map(rateOf);
  const best = publicRates.length === 0 ? undefined : Math.max(...publicRates);
  const against = best === undefined ? '' : '; × the best public client';
  console.log(`\n${title}: ${mediansOf(rounds)}, Node ${process.version}, ${cpus().length} cores${against}`);
  const titles = [
    '',
    'records/s',
    'least to most',
    'µs CPU a record',
    'peak MiB',
    ...more.map((column) => column.title),
  ];
  if (best !== undefined) titles.push('×');
  console.log(`| ${titles.join(' | ')} |`);
  console.log(`|${'---|'.repeat(titles.length)}`);
  for (const measurement of measurements) {
    const rates = measurement.runs.map(({ recordsPerSecond }) => recordsPerSecond);
    const cells = [
      measurement.name,
      whole(rateOf(measurement)),
      `${whole(Math.min(...rates))} to ${whole(Math.max(...rates))}`,
      median(measurement.runs.map(({ cpuMicros }) => cpuMicros)).toFixed(2),
      whole(median(measurement.runs.map(({ peakMiB }) => peakMiB))),
      ...more.map((column) => medianOf(column, measurement.runs)),
      ...(best === undefined ? [] : [(rateOf(measurement) / best).toFixed(2)]),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

function medianOf<R extends Run>(column: Column<R>, runs: readonly R[]): string {
  const values = runs.flatMap((run) => column.of(run) ?? []);
  return values.length === 0 ? '–' : whole(median(values));
}

/** What the figures of a table are. */
export function mediansOf(rounds: number): string {
  return rounds === 1 ? 'one run' : `medians of ${rounds} runs`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
