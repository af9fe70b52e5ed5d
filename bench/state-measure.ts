/** One run of one program of the state bench, seen from outside: what a reader of committed records can see, and what the kernel says. */
import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onClientCore } from './child.ts';
import type { Run } from './measure.ts';
import type { Summary } from './state-data.ts';
import { Program } from './state-program.ts';
import { ResultReader } from './state-reader.ts';
import { CommittedEnd } from './topics.ts';

export interface StateRun extends Run {
  /** Greatest memory without pages of mapped files, as far as was seen. */
  readonly anonymousMiB: number;
  /** On disk at the kill: the folder of the state, and the topics that only keep state. */
  readonly stateMiB: number;
  readonly changelogMiB?: number;
  /** From the start of the process after the kill to the first result that was not there before. */
  readonly firstResultMs: number;
  /** Processor time that the process had used by then. */
  readonly firstResultCpuMs: number;
}

export interface StateJob {
  readonly name: string;
  readonly command: readonly (string | number)[];
  readonly reader: readonly (string | number)[];
  readonly brokers: string;
  readonly output: string;
  readonly expected: Summary;
  /** Where the program keeps its state. */
  readonly folder: string;
  /** Folders of the broker in which it keeps state, too. */
  readonly changelogs: () => readonly string[];
}

/** What is measured: from a fifth of the results on, to the kill. What one commit may bring is far less than the rest. */
const BEGIN_SHARE = 0.2;
const KILL_SHARE = 0.7;
const LOOK_MS = 20;
/** A commit that the kill has come behind is through by then. */
const SETTLED_MS = 300;
const TELL_MS = 10_000;
const MIB = 1024 * 1024;
const BLOCK = 512;

/** Runs the program, kills it, runs it again to the end, and compares what it has written. */
export async function measureState(job: StateJob): Promise<StateRun> {
  const reader = new ResultReader([...job.reader, job.brokers, job.output, job.expected.results]);
  const end = new CommittedEnd(job.brokers, job.output);
  const programs: Program[] = [];
  const start = (): Program => {
    const program = new Program(onClientCore(job.command.map(String)));
    programs.push(program);
    return program;
  };
  try {
    const measured = await untilKill(job, start(), end);
    await sleep(SETTLED_MS);
    if ((await end.now()) >= job.expected.results) {
      throw new Error(`${job.name} was done before it could be killed: more records are needed`);
    }
    const { first } = await reader.watch();
    const startedAt = performance.now();
    const program = start();
    await telling(job, 'starts again', Promise.race([first, program.failure]));
    const firstResultMs = performance.now() - startedAt;
    const firstResultCpuMs = program.usage().cpuSeconds * 1_000;
    await telling(job, 'does the rest', Promise.race([reader.readAll(), program.failure]));
    await program.stop();
    compare(job, await reader.sum());
    return { ...measured, firstResultMs, firstResultCpuMs };
  } finally {
    await Promise.all([...programs.map((program) => program.kill()), reader.close(), end.close()]);
  }
}

/** What is known of a run before it is started again. */
type UntilKill = Omit<StateRun, 'firstResultMs' | 'firstResultCpuMs'>;

async function untilKill(job: StateJob, program: Program, end: CommittedEnd): Promise<UntilKill> {
  const { results } = job.expected;
  let anonymousMiB = 0;
  const reach = async (share: number) => {
    for (;;) {
      const seen = await Promise.race([end.now(), program.failure]);
      anonymousMiB = Math.max(anonymousMiB, program.anonymousMiB());
      if (seen >= results * share) return { seen, ...program.usage() };
      await sleep(LOOK_MS);
    }
  };
  const begin = await telling(job, 'warms up', reach(BEGIN_SHARE));
  const kill = await telling(job, 'is measured', reach(KILL_SHARE));
  await program.kill();
  const records = kill.seen - begin.seen;
  const changelogs = job.changelogs();
  return {
    recordsPerSecond: records / (Number(kill.at - begin.at) / 1e9),
    cpuMicros: ((kill.cpuSeconds - begin.cpuSeconds) * 1e6) / records,
    peakMiB: kill.peakMiB,
    anonymousMiB,
    stateMiB: sizeOf(job.folder) / MIB,
    ...(changelogs.length > 0 && { changelogMiB: changelogs.reduce((sum, folder) => sum + sizeOf(folder), 0) / MIB }),
  };
}

/** Says from time to time what is waited for. */
async function telling<T>({ name }: StateJob, what: string, work: Promise<T>): Promise<T> {
  const began = performance.now();
  const timer = setInterval(() => {
    process.stderr.write(`    ${name} ${what}, ${Math.round((performance.now() - began) / 1000)} s\n`);
  }, TELL_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** A time counts when the results are right, through the kill, too. */
function compare({ name, expected }: StateJob, found: Summary): void {
  if (found.results === expected.results && found.hash === expected.hash) return;
  const told = `${found.results} results with the sum ${found.hash}, not ${expected.results} with ${expected.hash}`;
  throw new Error(`${name} came to other results: ${told}`);
}

/** Bytes that a folder takes up on disk; files with holes count for what is in them. */
function sizeOf(folder: string): number {
  const entries: Dirent[] = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => {
      const found = statSync(join(parentPath, name), { throwIfNoEntry: false });
      return sum + (found?.blocks ?? 0) * BLOCK;
    }, 0);
}
