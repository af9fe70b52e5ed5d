/** Measures a program between two lines that it prints, with all processes that it has started. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { usageOf } from './java-tools.ts';

export interface MeasuredPart {
  /** Of the whole job; what was done before `begin` is left out. */
  readonly share: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of all processes, each at its greatest since its start. */
  readonly peakMiB: number;
}

/** What a process and all that it has started have used so far. */
export interface Sample {
  /** Nanoseconds of the monotonic clock. */
  readonly at: bigint;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** A program ended before it was done, by itself or because it took too long. */
export class ProgramEnded extends Error {}

/**
 * The program prints `begin`, with the share of the job behind it that is done by then where it is more than nothing, then `end`, and
 * ends when it is sent a line. One that has not ended after `limitMs` is ended, and this rejects.
 */
export async function measureProgram(
  [command, ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
  limitMs?: number,
): Promise<MeasuredPart> {
  const child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env } });
  const endChild = (): void => void child.kill('SIGKILL');
  process.on('exit', endChild);
  const impatience = limitMs === undefined ? undefined : setTimeout(endChild, limitMs);
  const samples = new Map<string, Sample>();
  let done = 0;
  let errors = '';
  child.stderr.on('data', (text) => (errors = `${errors}${text}`.slice(-16_384)));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word, share = '0'] = line.split(' ');
    if (word !== 'begin' && word !== 'end') return;
    samples.set(word, sampleOf(child.pid!));
    if (word === 'begin') done = Number(share);
    else child.stdin.end('\n');
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(impatience);
  process.off('exit', endChild);
  const [begin, end] = [samples.get('begin'), samples.get('end')];
  if (code !== 0 || begin === undefined || end === undefined)
    throw new ProgramEnded(`${command} ended with ${code}:\n${errors}`);
  return {
    share: 1 - done,
    seconds: Number(end.at - begin.at) / 1e9,
    cpuSeconds: end.cpuSeconds - begin.cpuSeconds,
    peakMiB: end.peakMiB,
  };
}

export function sampleOf(pid: number): Sample {
  const at = process.hrtime.bigint();
  const usages = withDescendants(pid).flatMap((one) => usageOf(one) ?? []);
  const total = (field: 'cpuSeconds' | 'peakMiB'): number => usages.reduce((sum, usage) => sum + usage[field], 0);
  return { at, cpuSeconds: total('cpuSeconds'), peakMiB: total('peakMiB') };
}

function withDescendants(pid: number): number[] {
  const parents = new Map(readdirSync('/proc').flatMap((name) => parentOf(name) ?? []));
  const found = new Set([pid]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const [one, parent] of parents) if (found.has(parent)) found.add(one);
  }
  return [...found];
}

function parentOf(name: string): [[number, number]] | undefined {
  if (!/^\d+$/.test(name)) return undefined;
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]];
  } catch {
    return undefined;
  }
}
