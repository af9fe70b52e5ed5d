/** What the commands of `millrace dlq` work on: the log, the DLQ topics of a pipeline and the topics that it reads. */
import { type Plan, planOf } from '../../core/plan.ts';
import type { LogClient, TopicInfo } from '../../log/log-client.ts';
import { meets } from '../dlq/conditions.ts';
import { type Court, dlqTopicsOf } from '../dlq/letters.ts';
import { notesTopicOf } from '../dlq/notes.ts';
import type { Environment } from '../environment.ts';
import { paramValues } from '../params.ts';
import { DEFAULT_MAX_ATTEMPTS, type DlqFlags } from './dlq-flags.ts';
import { usageError } from './failure.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { ParamFlags } from './parse-arguments.ts';
import { kafkaOf, openExisting, openLog, placesOf } from './places.ts';
import { stopSignal } from './run-command.ts';
import { Screen } from './screen.ts';
import type { World } from './world.ts';

/** How long a log that is away is waited for once the command is to stop. */
const STOP_PATIENCE_MS = 5_000;

export interface DlqPlace {
  readonly pipeline: string;
  readonly environment: Environment;
  /** Those that were asked for and are there. */
  readonly topics: readonly TopicInfo[];
  /** Topics of the plan that are left out, and why. */
  readonly leftOut: readonly string[];
  readonly court: Omit<Court, 'isRedriven'>;
}

export interface DlqCall<F extends DlqFlags = DlqFlags> {
  readonly loaded: LoadedPipeline;
  readonly flags: F;
  readonly params: ParamFlags;
  readonly world: World;
}

/**
 * Opens what is there and creates nothing. `withLate: false` leaves out topics of late records, unless one is named: most of them
 * would be late once more.
 * @throws MillraceError CONFIG_INVALID
 */
export async function openDlq(
  { loaded: { pipeline }, flags, params, world }: DlqCall,
  { withLate }: { readonly withLate: boolean },
): Promise<DlqPlace> {
  const plan = planOf(pipeline.build(paramValues(pipeline, params)), pipeline.version);
  const own = dlqTopicsOf(plan);
  if (own.length === 0 && flags.dlq === undefined) {
    throw usageError(`pipeline '${pipeline.name}' has no DLQ topic`, 'name one with --dlq TOPIC, or add toDLQ() to it');
  }
  if (flags.dlq !== undefined)
    refuseOthers(
      flags.dlq,
      plan,
      own.map(({ topic }) => topic),
    );
  const kafka = kafkaOf(flags, world);
  const environment =
    kafka === undefined ? await openExisting(kafka, placesOf(flags, world.cwd)) : await openLog(kafka);
  try {
    const { log } = environment;
    const wanted = flags.dlq === undefined ? own.filter(({ isLate }) => withLate || !isLate) : [{ topic: flags.dlq }];
    const infos = await Promise.all(wanted.map(({ topic }) => log.topic(topic)));
    const missing = wanted.filter((_, i) => infos[i] === undefined).map(({ topic }) => `${topic} is not there yet`);
    if (flags.dlq !== undefined && missing.length > 0) {
      throw usageError(`there is no topic ${flags.dlq} on ${log.description}`, dlqHint(own.map(({ topic }) => topic)));
    }
    const skipped = own.filter(({ topic }) => flags.dlq === undefined && !wanted.some((each) => each.topic === topic));
    const late = skipped.map(
      ({ topic }) => `${topic} holds late records, which would be late again: name it with --dlq`,
    );
    return {
      pipeline: pipeline.name,
      environment,
      topics: infos.filter((info) => info !== undefined),
      leftOut: [...missing, ...late],
      court: await courtOf(log, plan, flags),
    };
  } catch (thrown) {
    await environment.close();
    throw thrown;
  }
}

async function courtOf(log: LogClient, plan: Plan, flags: DlqFlags): Promise<Omit<Court, 'isRedriven'>> {
  const reads = plan.topics.filter(({ use }) => use === 'read');
  const origins = new Map(await Promise.all(reads.map(async ({ topic }) => [topic, await log.topic(topic)] as const)));
  const maxAttempts = flags.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  return { origins, maxAttempts, isWanted: (letter) => meets(letter, flags.where ?? []) };
}

function refuseOthers(topic: string, plan: Plan, own: readonly string[]): void {
  const isSource = plan.topics.some((each) => each.use === 'read' && each.topic === topic);
  if (!isSource && !own.some((each) => notesTopicOf(each) === topic)) return;
  throw usageError(`${topic} is ${isSource ? 'what the pipeline reads' : 'a topic of notes'}, not a DLQ`, dlqHint(own));
}

function dlqHint(own: readonly string[]): string {
  return own.length === 0 ? 'check the name' : `the DLQ topics of the pipeline are ${own.join(', ')}`;
}

/** Runs one of the commands until it is done or stopped, and leaves nothing open. */
export async function onDlq(
  call: DlqCall,
  options: { readonly withLate: boolean },
  body: (place: DlqPlace, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const { flags, world } = call;
  const screen = new Screen(world);
  const { signal, release } = stopSignal(world, (text) => {
    if (flags.json !== true) screen.message(text);
  });
  try {
    const place = await openDlq(call, options);
    const hurry = (): void => place.environment.log.hurry?.(STOP_PATIENCE_MS);
    signal.addEventListener('abort', hurry, { once: true });
    try {
      return await body(place, signal);
    } finally {
      await place.environment.close();
    }
  } finally {
    release();
  }
}
