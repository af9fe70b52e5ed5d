/** Java's own performance tools, which the broker's jars do not hold: Maven fetches them once. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join, resolve } from 'node:path';
import { kafkaClasspath, kafkaVersion } from '../scripts/kafka/classpath.ts';
import { onClientCore } from './child.ts';

const CACHE = resolve(import.meta.dirname, '../node_modules/.cache/millrace-kafka');
const SAMPLE_MS = 50;
/** What the kernel counts processor time in, on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

export interface JavaLine {
  readonly text: string;
  /** Seconds of CPU that the process had used when it was read. */
  readonly cpuSeconds: number;
}

export interface JavaRun {
  readonly lines: readonly JavaLine[];
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** Runs one of the tools to its end and samples what the kernel says of it, which nobody can ask any more afterwards. */
export async function runJavaTool(tool: string, args: readonly string[]): Promise<JavaRun> {
  const classpath = `${await kafkaClasspath(kafkaVersion(), () => {})}:${toolsJar(kafkaVersion())}`;
  const java = ['java', '-Xmx1g', '-cp', classpath, `org.apache.kafka.tools.${tool}`, ...args];
  const [command, ...rest] = onClientCore(java);
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let used = { cpuSeconds: 0, peakMiB: 0 };
  const sample = () => (used = usageOf(child.pid!) ?? used);
  const timer = setInterval(sample, SAMPLE_MS);
  const lines: JavaLine[] = [];
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push({ text, cpuSeconds: sample().cpuSeconds });
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', done);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`${tool} ended with ${code}:\n${errors}`);
  return { lines, ...used };
}

/** What a process has used so far; undefined when it has ended, or where there is no /proc. */
export function usageOf(pid: number): { cpuSeconds: number; peakMiB: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name, which may hold anything: the state is field 3, user and system time are 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    if (peak === null) return undefined;
    return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND, peakMiB: Number(peak[1]) / 1024 };
  } catch {
    return undefined;
  }
}

function toolsJar(version: string): string {
  const name = `kafka-tools-${version}.jar`;
  const folder = join(CACHE, `tools-${version}`);
  if (!existsSync(join(folder, name))) {
    const part = `${folder}.${process.pid}`;
    mkdirSync(part, { recursive: true });
    const artifact = `-Dartifact=org.apache.kafka:kafka-tools:${version}`;
    execFileSync('mvn', ['-q', '-B', 'dependency:copy', artifact, `-DoutputDirectory=${part}`], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder);
  }
  return join(folder, name);
}
