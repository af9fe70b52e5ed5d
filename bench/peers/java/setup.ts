/** The peers that run on Java: Maven fetches their jars once, the compiler of the machine builds the program. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cachedFolder } from '../cache.ts';

const PEERS = resolve(import.meta.dirname, '..');
/** As much as the other Java programs of the benches have. */
const HEAP_MIB = 1_024;
/** A small heap leaves buffers outside of it their room; and a machine without room ends, rather than that it hangs. */
const ROOM = ['-XX:MaxDirectMemorySize=1g', '-XX:+ExitOnOutOfMemoryError'];
/** Flink looks into the collections of Java. */
const OPENS = ['java.util', 'java.lang', 'java.time'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`);

export type JavaPeer = 'kafka-streams' | 'flink';

/** The command line of a peer's main class; needs Java 17 with its compiler and, the first time, Maven and a network. */
export function setUpJava(peer: JavaPeer, mainClass: string, heapMiB = HEAP_MIB): string[] {
  const jars = cachedFolder(peer, (part) => {
    const options = ['-DincludeScope=runtime', `-DoutputDirectory=${part}`];
    const pom = join(PEERS, peer, 'pom.xml');
    execFileSync('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', ...options], { stdio: 'ignore' });
  });
  const sources = [join(PEERS, 'java'), join(PEERS, peer)].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.java'))
      .map((name) => join(folder, name)),
  );
  const text = createHash('sha256');
  for (const source of sources) text.update(readFileSync(source));
  const classes = cachedFolder(`${peer}-${text.digest('hex').slice(0, 8)}`, (part) => {
    execFileSync('javac', ['-nowarn', '-cp', join(jars, '*'), '-d', part, ...sources]);
  });
  return ['java', `-Xmx${heapMiB}m`, ...ROOM, ...OPENS, '-cp', `${classes}:${join(jars, '*')}`, mainClass];
}
