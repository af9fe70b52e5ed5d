/** The engine alone: validate → enrich → watermark → tumblingWindow on decoded records in memory, without codec, log or disk. */
import { execFileSync } from 'node:child_process';
import type { Measurement } from './measure.ts';

interface Job {
  readonly name: string;
  readonly keys: number;
}

const JOBS: readonly Job[] = [
  { name: 'validate → enrich → window, 5 keys', keys: 5 },
  { name: 'validate → enrich → window, 1M keys', keys: 1_000_000 },
];

/** Each run in a process of its own: what one has made the compiler believe must not help or hurt the next. */
export function benchEngine({
  runs,
  records = 4_000_000,
}: {
  runs: number;
  records?: number | undefined;
}): Measurement[] {
  const results = JOBS.map(({ name }): Mutable => ({ name, eventsPerSecond: [], cpuMicros: [], peakMiB: [] }));
  for (let run = 0; run < runs; run++) {
    JOBS.forEach(({ keys }, j) => {
      const printed = execFileSync('npx', ['tsx', 'bench/engine-run.ts', String(records), String(keys)], {
        encoding: 'utf8',
      });
      const { seconds, cpuSeconds, peakMiB } = JSON.parse(printed) as Record<string, number>;
      results[j].eventsPerSecond.push(records / seconds);
      results[j].cpuMicros.push((cpuSeconds * 1e6) / records);
      results[j].peakMiB.push(peakMiB);
    });
  }
  return results;
}

type Mutable = { name: string; eventsPerSecond: number[]; cpuMicros: number[]; peakMiB: number[] };
