/** Where a command keeps state, writes outputs and finds its log. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import type { PlanNode } from '../../core/operator.ts';
import type { Plan, PlannedNode } from '../../core/plan.ts';
import { systemClock } from '../../time/clock.ts';
import { readText } from '../../files/read-text.ts';
import { kafkaConfig, type KafkaPlace } from '../../kafka/kafka-config.ts';
import type { KafkaFlags } from '../../kafka/kafka-settings.ts';
import { connectLog, type Environment, openEnvironment } from '../environment.ts';
import type { PlaceFlags } from './flags.ts';
import { redact } from './redact.ts';
import type { World } from './world.ts';

export interface Places {
  readonly stateDir: string;
  /** Folder that relative paths of sinks are resolved against. */
  readonly outputDir: string;
}

/** `--data DIR` stands in for the current folder: state in DIR/.millrace, a sink's `output/x.jsonl` in DIR/output/x.jsonl. */
export function placesOf({ data }: PlaceFlags, cwd: string): Places {
  const base = data === undefined ? cwd : resolve(cwd, data);
  return { stateDir: join(base, '.millrace'), outputDir: base };
}

/** The cluster that flags and environment describe; `undefined` for the embedded log. */
export function kafkaOf(flags: KafkaFlags, { env, cwd }: World): KafkaPlace | undefined {
  return kafkaConfig(flags, { variables: env, readFile: (path) => readText(resolve(cwd, path)) });
}

export function logKind({ brokers }: PlaceFlags): 'embedded' | 'kafka' {
  return brokers === undefined ? 'embedded' : 'kafka';
}

/** For messages. */
export function logName({ brokers }: PlaceFlags): string {
  return brokers === undefined ? 'embedded log' : `Kafka at ${redact(brokers)}`;
}

/** Topics, files and folders that the plan writes, one line each. */
export function outputsOf(plan: Plan, log: string, { outputDir }: Places): string[] {
  return plan.nodes.flatMap((planned) => outputsOfNode(planned, log, outputDir));
}

/** The outputs that are still there when the process is gone. */
export function lastingOutputsOf(plan: Plan, log: string, { outputDir }: Places): string[] {
  const lasting = plan.nodes.filter(({ node }) => onStdout(node) === undefined);
  return lasting.flatMap((planned) => outputsOfNode(planned, log, outputDir));
}

function outputsOfNode({ id, node }: PlannedNode, log: string, outputDir: string): string[] {
  const topics = node.topics.filter(({ use }) => use === 'write').map(({ topic }) => `topic ${topic} on ${log}`);
  if (topics.length > 0 || node.role !== 'sink') return topics;
  return [filePath(node.kind, node.name, outputDir) ?? onStdout(node) ?? id];
}

/** What a sink shows to a person. */
function onStdout({ kind, name }: PlanNode): string | undefined {
  if (kind === 'sinkPreview') return `table ${name} on stdout`;
  return kind === 'sinkConsole' ? 'lines on stdout' : undefined;
}

/** Files and folders that the plan writes. */
export function filesOf(plan: Plan, { outputDir }: Places): string[] {
  const sinks = plan.nodes.filter(({ node }) => node.role === 'sink' && node.topics.length === 0);
  return sinks.flatMap(({ node }) => filePath(node.kind, node.name, outputDir) ?? []);
}

const ON_STDOUT: ReadonlySet<string> = new Set(['sinkConsole', 'sinkPreview']);

function filePath(kind: string, name: string | undefined, outputDir: string): string | undefined {
  if (ON_STDOUT.has(kind) || name === undefined) return undefined;
  return isAbsolute(name) ? name : join(outputDir, name);
}

/** Whether there is a state directory to look into. */
export function hasState({ stateDir }: Places): boolean {
  return existsSync(join(stateDir, 'data.mdb'));
}

/** A cluster alone, for a command that needs no state. */
export async function openLog(kafka: KafkaPlace): Promise<Environment> {
  const { memoryStore } = await import('../../state/memory-store.ts');
  return withStore(await connectLog(kafka), memoryStore());
}

/** What is there already, for a command that must not create anything: a missing state directory reads as an empty one. */
export async function openExisting(kafka: KafkaPlace | undefined, places: Places): Promise<Environment> {
  if (hasState(places)) return openEnvironment({ kafka, stateDir: places.stateDir });
  const { memoryStore } = await import('../../state/memory-store.ts');
  const store = memoryStore();
  return withStore(kafka === undefined ? await emptyLog(store) : await connectLog(kafka), store);
}

function withStore(log: Environment['log'], store: Environment['store']): Environment {
  return {
    log,
    store,
    async close() {
      await log.close();
      await store.close();
    },
  };
}

async function emptyLog(store: Environment['store']): Promise<Environment['log']> {
  const { EmbeddedLog } = await import('../../log/embedded-log.ts');
  return new EmbeddedLog(store, systemClock);
}
