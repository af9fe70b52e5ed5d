/** Finds Java and has Maven fetch a Kafka broker once for each version; nothing is written into the repository. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const DEFAULT_KAFKA_VERSION = '4.1.1';

const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/millrace-kafka');
const POM = join(import.meta.dirname, 'pom.xml');
const MIN_JAVA = 17;
const PROGRESS_MS = 3_000;

/** Something that the machine lacks; the command line ends with exit code 3. */
export class MissingTool extends Error {
  readonly exitCode = 3;
}

/** `missing` is a sentence fit for a skipped test, and empty when a broker can be started. */
export function kafkaAvailable(version = kafkaVersion()): { readonly available: boolean; readonly missing: string } {
  const missing = missingJava() ?? (existsSync(jarFolder(version)) ? undefined : missingMaven());
  return { available: missing === undefined, missing: missing ?? '' };
}

export function kafkaVersion(): string {
  return process.env.MILLRACE_KAFKA_VERSION ?? DEFAULT_KAFKA_VERSION;
}

/**
 * The classpath of a broker of this version, fetched if need be.
 * @throws MissingTool where Java or Maven is missing, or Maven fails
 */
export async function kafkaClasspath(version: string, progress: (line: string) => void): Promise<string> {
  const { available, missing } = kafkaAvailable(version);
  if (!available) throw new MissingTool(missing);
  const folder = jarFolder(version);
  if (!existsSync(folder)) await download(version, folder, progress);
  return join(folder, '*');
}

function jarFolder(version: string): string {
  if (!/^[\w.-]+$/.test(version)) throw new Error(`no version of Kafka: ${version}`);
  return join(CACHE, version);
}

function missingJava(): string | undefined {
  const { stderr, error } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const hint = `install a Java runtime, ${MIN_JAVA} or newer, and put it on the PATH`;
  if (error !== undefined) return `java was not found: ${hint}`;
  const major = Number(/version "(\d+)/.exec(stderr)?.[1]);
  return major < MIN_JAVA ? `java is version ${major}: ${hint}` : undefined;
}

function missingMaven(): string | undefined {
  const { error } = spawnSync('mvn', ['--version'], { stdio: 'ignore' });
  return error === undefined ? undefined : 'mvn was not found: install Maven, which fetches the Kafka broker once';
}

async function download(version: string, folder: string, progress: (line: string) => void): Promise<void> {
  // Another process may do the same: a folder appears whole, by its rename, or not at all.
  const part = `${folder}.${process.pid}`;
  mkdirSync(part, { recursive: true });
  const started = Date.now();
  const say = () =>
    progress(`fetching Kafka ${version} through Maven, once … ${Math.round((Date.now() - started) / 1000)} s`);
  say();
  const timer = setInterval(say, PROGRESS_MS);
  try {
    await maven(['-Dkafka.version=' + version, '-DoutputDirectory=' + part], version);
    if (!existsSync(folder)) renameSync(part, folder);
  } finally {
    clearInterval(timer);
    rmSync(part, { recursive: true, force: true });
  }
}

function maven(properties: readonly string[], version: string): Promise<void> {
  const goal = ['-q', '-B', '-f', POM, 'dependency:copy-dependencies', '-DincludeScope=runtime', ...properties];
  const child = spawn('mvn', goal, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => {
      const hint = 'is Maven Central reachable, and is there such a version?';
      if (code === 0) done();
      else fail(new MissingTool(`Maven could not fetch Kafka ${version}: ${hint}\n${output.trim()}`));
    });
  });
}
