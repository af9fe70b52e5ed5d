/** Counts by key from Kafka to Kafka, exactly once, with few keys and with many: the pipeline, and Kafka Streams with RocksDB. */
import { mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RunningBroker } from '../scripts/kafka/broker.ts';
import { startBenchBroker } from './child.ts';
import { alternate, type Column, type Contender, type Maker, type Measurement, whole } from './measure.ts';
import { setUpJava } from './peers/java/setup.ts';
import { generateEvents, type Summary } from './state-data.ts';
import { measureState, type StateRun } from './state-measure.ts';
import { createTopics, deleteTopics, fill, FORGET_SOON, type NewRecord } from './topics.ts';

export const STATE_COLUMNS: readonly Column<StateRun>[] = [
  { title: 'of it anonymous', of: ({ anonymousMiB }) => anonymousMiB },
  { title: 'state MiB', of: ({ stateMiB }) => stateMiB },
  { title: 'changelog MiB', of: ({ changelogMiB }) => changelogMiB },
  { title: 'first result after a kill, ms', of: ({ firstResultMs }) => firstResultMs },
  { title: 'of it CPU, ms', of: ({ firstResultCpuMs }) => firstResultCpuMs },
];

/** Entries of keyed state in memory; the default is 1,000,000. */
const FEW_ENTRIES = 100_000;
const LEAST_RECORDS = 1_500_000;
/** So that every key comes, and half of them again. */
const RECORDS_A_KEY = 1.5;
/** Bytes on disk that a record takes at most, of input, results, changelog, and state with its copies. */
const BYTES_A_RECORD = 600;
const BYTES_ANYWAY = 2 ** 30;
const TELL_EVERY = 1_000_000;

/** A program of the job: what is run in a folder of its own, under a group of its own. */
interface StateProgram {
  readonly name: string;
  readonly maker: Maker;
  readonly command: (run: { group: string; folder: string; output: string }) => readonly (string | number)[];
  /** Topics that it makes for its state. */
  readonly changelogs: (group: string) => readonly string[];
  readonly deadLetters: (output: string) => readonly string[];
}

export async function benchState({
  runs,
  records,
  keys,
  only = '',
}: {
  runs: number;
  records?: number | undefined;
  keys: readonly number[];
  /** How the names of the contenders begin that are run. */
  only?: string | undefined;
}): Promise<Measurement<StateRun>[]> {
  const jobs = keys.map((count) => ({
    keys: count,
    records: records ?? Math.max(LEAST_RECORDS, count * RECORDS_A_KEY),
  }));
  for (const job of jobs) checkJob(job);
  const streams = setUpJava('kafka-streams', 'StateStreams');
  const reader = [...streams.slice(0, -1), 'CommittedResults'];
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  try {
    const measurements: Measurement<StateRun>[] = [];
    for (const job of jobs) {
      const input = `events-${job.keys}`;
      const programs = programsOf(broker.bootstrap, input, job.keys, streams).filter(({ name }) =>
        name.startsWith(only),
      );
      if (programs.length === 0) continue;
      await createTopics(broker.bootstrap, [input]);
      const expected = await fillInput(broker.bootstrap, input, job);
      const contenders = programs.map((program) => contender(broker, program, reader, expected));
      measurements.push(...(await alternate(contenders, runs)));
      await deleteTopics(broker.bootstrap, [input]);
    }
    if (measurements.length === 0) throw new Error(`no contender's name begins with '${only}'`);
    return measurements;
  } finally {
    await broker.stop();
  }
}

interface JobSize {
  readonly keys: number;
  readonly records: number;
}

function checkJob({ keys, records }: JobSize): void {
  if (!Number.isInteger(keys) || keys < 1) throw new Error(`--keys takes whole numbers from 1 on, not ${keys}`);
  if (!(records >= keys)) throw new Error(`${whole(keys)} keys need at least as many records, not ${whole(records)}`);
  const { bavail, bsize } = statfsSync(tmpdir());
  const needed = records * BYTES_A_RECORD + BYTES_ANYWAY;
  if (bavail * bsize >= needed) return;
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  const told = `${whole(records)} records need ${gib(needed)} GiB of disk, and ${tmpdir()} has ${gib(bavail * bsize)} left`;
  throw new Error(`${told}: make room, or set TMPDIR to a folder that has it`);
}

async function fillInput(brokers: string, topic: string, { keys, records }: JobSize): Promise<Summary> {
  const expected = { results: 0, hash: 0 };
  process.stderr.write(`  filling ${topic} with ${whole(records)} records …\n`);
  await fill(brokers, topic, told(generateEvents(records, keys, expected), records));
  return expected;
}

function* told(records: Iterable<NewRecord>, total: number): Iterable<NewRecord> {
  let taken = 0;
  for (const record of records) {
    yield record;
    if (++taken % TELL_EVERY === 0) process.stderr.write(`    ${whole(taken)} of ${whole(total)}\n`);
  }
}

function programsOf(brokers: string, input: string, keys: number, streams: readonly string[]): StateProgram[] {
  const millrace = (name: string, more: readonly string[] = []): StateProgram => ({
    name: `millrace, ${whole(keys)} keys${name}`,
    maker: 'millrace',
    command({ group, folder, output }) {
      const flags = { brokers, group, data: folder, input, output };
      const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
      const pipeline = join('bench', 'state-pipeline.ts');
      return [process.execPath, join('bin', 'millrace.js'), pipeline, '--json', ...words, ...more];
    },
    changelogs: () => [],
    deadLetters: (output) => [`${output}-dlq`],
  });
  const withFewEntries = millrace(`, ${whole(FEW_ENTRIES)} in memory`, ['--state-entries', String(FEW_ENTRIES)]);
  return [
    millrace(''),
    ...(keys > FEW_ENTRIES ? [withFewEntries] : []),
    {
      name: `Kafka Streams 4.1, ${whole(keys)} keys, RocksDB`,
      maker: 'java',
      command: ({ group, folder, output }) => [...streams, brokers, group, folder, input, output],
      changelogs: (group) => [`${group}-counts-changelog`],
      deadLetters: () => [],
    },
  ];
}

/** Each run has a group, a folder and a topic of results of its own, which are gone afterwards. */
function contender(
  broker: RunningBroker,
  program: StateProgram,
  reader: readonly string[],
  expected: Summary,
): Contender<StateRun> {
  const { bootstrap: brokers } = broker;
  const { name, maker } = program;
  let made = 0;
  return {
    name,
    maker,
    async run() {
      const group = `${name.replace(/\W+/g, '-').toLowerCase()}-${made++}`;
      const output = `${group}-results`;
      const topics = [output, ...program.deadLetters(output)];
      const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
      await createTopics(brokers, topics);
      try {
        const command = program.command({ group, folder, output });
        const changelogs = (): string[] => foldersOf(broker, program.changelogs(group));
        return await measureState({ name, command, reader, brokers, output, expected, folder, changelogs });
      } finally {
        await deleteTopics(brokers, [...topics, ...program.changelogs(group)]);
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function foldersOf({ logFile }: RunningBroker, topics: readonly string[]): string[] {
  const data = join(dirname(logFile), 'data');
  return readdirSync(data)
    .filter((name) => topics.some((topic) => name.startsWith(topic) && /^-\d+$/.test(name.slice(topic.length))))
    .map((name) => join(data, name));
}
