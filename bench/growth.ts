/** Events a second of one job while one thing about it grows: partitions, keys, size of records, operators, open windows. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runScript, startBenchBroker } from './child.ts';
import { AT_REST, AXES, type Axis, type GrowthJob, type GrowthPoint } from './growth-axes.ts';
import { growthPicture } from './growth-picture.ts';
import { alternate, beginning, type Contender, printTable, type Run } from './measure.ts';

/** By the name of the axis. */
export type Growth = Readonly<Record<string, readonly GrowthPoint[]>>;

const RESULTS = join(import.meta.dirname, 'results');

/** Measures every axis, or those whose names begin with `only` beside what is known of the others, and draws a picture of each. */
export async function benchGrowth({
  runs,
  records = AT_REST.records,
  only = '',
}: {
  runs: number;
  records?: number | undefined;
  only?: string | undefined;
}): Promise<Growth> {
  const axes = beginning(only, AXES);
  const growth: Record<string, readonly GrowthPoint[]> = axes.length === AXES.length ? {} : known();
  for (const axis of axes) {
    process.stderr.write(`${axis.title}\n`);
    growth[axis.name] = await along(axis, runs, records / AT_REST.records);
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, `growth-${axis.name}.svg`), growthPicture(axis, growth[axis.name]));
  }
  return growth;
}

function known(): Growth {
  try {
    return (JSON.parse(readFileSync(join(RESULTS, 'growth.json'), 'utf8')) as { result: Growth }).result;
  } catch {
    return {};
  }
}

async function along(axis: Axis, runs: number, share: number): Promise<GrowthPoint[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-growth-'));
  const jobs = axis.points.map((point) => scaled({ ...AT_REST, ...axis.jobAt(point) }, share));
  const broker = jobs.some(({ log }) => log === 'kafka') ? await startBenchBroker() : undefined;
  try {
    const contenders: Contender[] = [];
    for (const [i, job] of jobs.entries()) {
      const place = { brokers: broker?.bootstrap ?? '', folder: join(folder, String(i)), topic: `growth-${i}` };
      mkdirSync(place.folder);
      await runScript('growth-run.ts', ['fill', place.brokers, place.folder, JSON.stringify(job), place.topic, '']);
      const name = `${axis.points[i].toLocaleString('en-US')} ${axis.label}`;
      contenders.push({ name, maker: 'millrace', run: (round) => runOnce(job, place, round) });
    }
    const measurements = await alternate(contenders, runs);
    printTable(`growth, ${axis.name}`, measurements);
    return measurements.map((each, i) => ({
      at: axis.points[i],
      recordBytes: jobs[i].recordBytes,
      runs: each.runs,
    }));
  } finally {
    await broker?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function scaled(job: GrowthJob, share: number): GrowthJob {
  return { ...job, records: Math.round(job.records * share) };
}

interface Place {
  readonly brokers: string;
  readonly folder: string;
  readonly topic: string;
}

/** Every run begins with the same files. */
async function runOnce(job: GrowthJob, { brokers, folder, topic }: Place, round: number): Promise<Run> {
  const copy = `${folder}-run`;
  cpSync(folder, copy, { recursive: true });
  try {
    const args = ['run', brokers, copy, JSON.stringify(job), topic, `${topic}-${round}`];
    return await runScript<Run>('growth-run.ts', args);
  } finally {
    rmSync(copy, { recursive: true });
  }
}
