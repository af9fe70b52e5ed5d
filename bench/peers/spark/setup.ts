/** Spark and what reads its files, in a folder of their own: pip and Maven fetch them once. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { cachedFolder } from '../cache.ts';
import { setUpPython } from '../python/setup.ts';

export const SPARK_VERSION = '3.5.7';

const POM = join(import.meta.dirname, 'pom.xml');
const PROGRAM = join(import.meta.dirname, 'lakehouse.py');
const CHECK = join(import.meta.dirname, 'check.py');
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
export function setUpSpark(): { python: string; jars: string } {
  const name = `spark-${SPARK_VERSION}`;
  const python = setUpPython(name, [`pyspark==${SPARK_VERSION}`, 'pyarrow']);
  const jars = cachedFolder(`${name}-jars`, (part) => {
    const options = [`-Dspark.version=${SPARK_VERSION}`, '-DexcludeTransitive=true', `-DoutputDirectory=${part}`];
    execFileSync('mvn', ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', ...options], { stdio: 'ignore' });
  });
  return { python, jars };
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
  const { python, jars } = setUpSpark();
  const places = ['--brokers', brokers, '--jars', jars, '--warm-up', warmUp, '--topic', topic];
  return [python, PROGRAM, ...places, '--layers', layers, '--batch', String(batch), '--out', out];
}

/** Reads what stands in the folders, by a library that neither side wrote it with. */
export function lookAt(folder: string, layers: readonly string[]): Found {
  const stdout = execFileSync(setUpSpark().python, [CHECK, folder, ...layers], {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
  });
  return JSON.parse(stdout) as Found;
}
