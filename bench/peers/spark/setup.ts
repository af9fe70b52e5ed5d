/** Spark and what reads its files, in a folder of their own: pip and Maven fetch them once. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const SPARK_VERSION = '3.5.7';

const CACHE = resolve(import.meta.dirname, '../../../node_modules/.cache/millrace-bench');
const POM = join(import.meta.dirname, 'pom.xml');
const PROGRAM = join(import.meta.dirname, 'lakehouse.py');
const CHECK = join(import.meta.dirname, 'check.py');
const PYTHON = join(CACHE, `spark-${SPARK_VERSION}`, 'bin/python');
const JARS = join(CACHE, `spark-${SPARK_VERSION}-jars`);
const MAX_OUTPUT = 16 * 1024 * 1024;

/** By layer. */
export type Found = Readonly<Record<string, FoundLayer>>;

export interface FoundLayer {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  /** By column: of texts their bytes, of amounts cents; of times milliseconds, in digits. */
  readonly sums: Readonly<Record<string, number | string>>;
}

/** Needs Python 3, Java 17 and Maven; after the first time, no network. */
export function setUpSpark(): void {
  whole(join(CACHE, `spark-${SPARK_VERSION}`), (folder) => {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore' });
    const packages = [`pyspark==${SPARK_VERSION}`, 'pyarrow'];
    execFileSync(join(folder, 'bin/python'), ['-m', 'pip', 'install', '-q', ...packages], { stdio: 'ignore' });
  });
  whole(JARS, (folder) => {
    const options = [`-Dspark.version=${SPARK_VERSION}`, '-DexcludeTransitive=true', `-DoutputDirectory=${folder}`];
    execFileSync('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', ...options], { stdio: 'ignore' });
  });
}

/** Makes a folder that is there whole or not at all. A Python environment runs from whichever folder it stands in. */
function whole(folder: string, make: (part: string) => void): void {
  if (existsSync(folder)) return;
  const part = `${folder}.${process.pid}`;
  process.stderr.write(`  fetching ${folder.slice(CACHE.length + 1)}, once …\n`);
  try {
    mkdirSync(part, { recursive: true });
    make(part);
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

export interface SparkJob {
  readonly brokers: string;
  readonly warmUp: string;
  readonly topic: string;
  readonly layers: 'silver' | 'all';
  readonly batch: number;
  readonly out: string;
}

export function sparkCommand({ brokers, warmUp, topic, layers, batch, out }: SparkJob): string[] {
  const places = ['--brokers', brokers, '--jars', JARS, '--warm-up', warmUp, '--topic', topic];
  return [PYTHON, PROGRAM, ...places, '--layers', layers, '--batch', String(batch), '--out', out];
}

/** Reads what stands in the folders, by a library that neither side wrote it with. */
export function lookAt(folder: string, layers: readonly string[]): Found {
  const stdout = execFileSync(PYTHON, [CHECK, folder, ...layers], { encoding: 'utf8', maxBuffer: MAX_OUTPUT });
  return JSON.parse(stdout) as Found;
}
