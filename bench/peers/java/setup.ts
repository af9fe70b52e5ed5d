/** The peers that run on Java: Maven fetches their jars once, the compiler of the machine builds the program. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PEERS = resolve(import.meta.dirname, '..');
const CACHE = resolve(PEERS, '../../node_modules/.cache/millrace-bench');
/** As much as the other Java programs of the benches have. */
const HEAP = '-Xmx1g';
/** Flink looks into the collections of Java. */
const OPENS = ['java.util', 'java.lang', 'java.time'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

export type JavaPeer = 'kafka-streams' | 'flink';

/** The command line of a peer's main class; needs Java 17 with its compiler and, the first time, Maven and a network. */
export function setUpJava(peer: JavaPeer, mainClass: string): string[] {
  const jars = jarsOf(peer);
  const classes = join(CACHE, `${peer}-classes`);
  rmSync(classes, { recursive: true, force: true });
  mkdirSync(classes, { recursive: true });
  const sources = [join(PEERS, 'java'), join(PEERS, peer)].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.java'))
      .map((name) => join(folder, name)),
  );
  execFileSync('javac', ['-nowarn', '-cp', join(jars, '*'), '-d', classes, ...sources]);
  return ['java', HEAP, ...OPENS, '-cp', `${classes}:${join(jars, '*')}`, mainClass];
}

function jarsOf(peer: JavaPeer): string {
  const folder = join(CACHE, peer);
  if (existsSync(folder)) return folder;
  const part = `${folder}.${process.pid}`;
  process.stderr.write(`  fetching ${peer} through Maven, once …\n`);
  try {
    mkdirSync(part, { recursive: true });
    const options = ['-DincludeScope=runtime', `-DoutputDirectory=${part}`];
    const pom = join(PEERS, peer, 'pom.xml');
    execFileSync('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', ...options], { stdio: 'ignore' });
    renameSync(part, folder);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  return folder;
}
