/** Starts what is measured: each run is a process of its own on one core, with the broker on another. */
import { execFile, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type BrokerOptions, type RunningBroker, startBroker } from '../scripts/kafka/broker.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '..');
const CLIENT_CORE = 0;
const BROKER_CORE = 1;
const MAX_OUTPUT = 64 * 1024 * 1024;

let isPinned = availableParallelism() > 1 && spawnSync('taskset', ['--version']).error === undefined;

/** From here on, what is measured and the broker share all cores. */
export function shareCores(): void {
  isPinned = false;
}

function onCore(core: number): string[] {
  return isPinned ? ['taskset', '-c', String(core)] : [];
}

export function onClientCore(command: readonly string[]): string[] {
  return [...onCore(CLIENT_CORE), ...command];
}

/** For what looks on from outside. */
export function onBrokerCore(command: readonly string[]): string[] {
  return [...onCore(BROKER_CORE), ...command];
}

export function startBenchBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  return startBroker({
    ...options,
    prefix: onCore(BROKER_CORE),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
}

/** Runs a TypeScript program of this folder and returns what its last line says; rejects with what it wrote where it fails. */
export async function runScript<R>(
  script: string,
  args: readonly (string | number)[],
  flagsOfNode: readonly string[] = [],
): Promise<R> {
  const [command, ...rest] = onClientCore([process.execPath, ...flagsOfNode, '--import', 'tsx', join('bench', script)]);
  const { stdout } = await run(command, [...rest, ...args.map(String)], { cwd: ROOT, maxBuffer: MAX_OUTPUT });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as R;
}
