/** The engine alone: validate → enrich → watermark → tumblingWindow on decoded records in memory, without codec, log or disk. */
import { runScript } from './child.ts';
import { alternate, type Contender, type Measurement } from './measure.ts';

interface Job {
  readonly name: string;
  readonly keys: number;
}

const JOBS: readonly Job[] = [
  { name: 'validate → enrich → window, 5 keys', keys: 5 },
  { name: 'validate → enrich → window, 1M keys', keys: 1_000_000 },
];

interface EngineRun {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** Each run in a process of its own: what one has made the compiler believe must not help or hurt the next. */
export function benchEngine({
  runs,
  records = 4_000_000,
}: {
  runs: number;
  records?: number | undefined;
}): Promise<Measurement[]> {
  const contenders = JOBS.map(
    ({ name, keys }): Contender => ({
      name,
      maker: 'millrace',
      async run() {
        const { seconds, cpuSeconds, peakMiB } = await runScript<EngineRun>('engine-run.ts', [records, keys]);
        return { recordsPerSecond: records / seconds, cpuMicros: (cpuSeconds * 1e6) / records, peakMiB };
      },
    }),
  );
  return alternate(contenders, runs);
}
