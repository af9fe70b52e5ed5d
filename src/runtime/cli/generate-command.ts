/** `millrace generate NAME`: the generator alone, for a pipeline that runs elsewhere or later. */
import { EXIT } from '../../core/errors.ts';
import type { KafkaPlace } from '../../kafka/kafka-config.ts';
import type { ForwardingCounts, ForwardingEvent } from '../../spool/forwarding.ts';
import { openEnvironment } from '../environment.ts';
import { runGenerator } from '../generate.ts';
import { type GeneratedRecord, type Generator, generatorFor } from '../generator.ts';
import { paramValues } from '../params.ts';
import type { SpoolSettings } from '../spooled-target.ts';
import { usageError } from './failure.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { GenerateFlags } from './flags.ts';
import { describeGeneration, type Generation, generationAlone } from './generation.ts';
import type { ParamFlags } from './parse-arguments.ts';
import { kafkaOf, placesOf } from './places.ts';
import { stopSignal } from './run-command.ts';
import { Screen } from './screen.ts';
import { forwardingText, generateThroughSpool, kafkaFor, spoolOf } from './spooling.ts';
import { bytes, counted, duration, grouped } from './text.ts';
import type { World } from './world.ts';

const PROGRESS_MS = 5_000;

interface Job {
  readonly generator: Generator;
  readonly generation: Generation;
  readonly kafka: KafkaPlace | undefined;
  readonly stateDir: string;
  readonly world: World;
  readonly signal: AbortSignal;
  /** A line of JSON, or one for people. */
  readonly tell: (event: string, facts: object, words: string) => void;
}

export async function generateCommand(
  loaded: LoadedPipeline,
  flags: GenerateFlags,
  params: ParamFlags,
  world: World,
): Promise<number> {
  const { pipeline } = loaded;
  const generator = await generatorFor(loaded.generator, paramValues(pipeline, params));
  if (generator === undefined) {
    throw usageError(`pipeline '${pipeline.name}' has no generator`, 'put a generator.ts beside its pipeline.ts');
  }
  const generation = generationAlone(flags, generator, world.clock.now());
  const screen = new Screen(world);
  const kafka = kafkaFor(generator, kafkaOf(flags, world), flags, world.env);
  const tell = (event: string, facts: object, words: string): void => {
    if (flags.json) world.stdout.write(`${JSON.stringify({ event, topic: generator.topic, ...facts })}\n`);
    else screen.message(words);
  };
  const { stateDir } = placesOf(flags, world.cwd);
  const spool = spoolOf(flags, kafka, generator, { stateDir, cwd: world.cwd });
  const { signal, release } = stopSignal(world, (text) => tell('notice', {}, text));
  const job = { generator, generation, kafka, stateDir, world, signal, tell };
  try {
    if (kafka !== undefined && spool !== undefined) await throughSpool({ ...job, kafka }, spool);
    else await straight(job);
  } finally {
    release();
  }
  return EXIT.ok;
}

async function straight({ generator, generation, kafka, stateDir, world, signal, tell }: Job): Promise<void> {
  const began = world.clock.now();
  const environment = await openEnvironment({ kafka, stateDir });
  const onProgress = progressOf(generator, tell);
  let sent = 0;
  tell(
    'start',
    {},
    `generating ${generator.topic} on ${environment.log.description}: ${describeGeneration(generation)}`,
  );
  const status = (): void => tell('status', { sent }, `${counted(sent, 'record')} written`);
  const stopTelling = generator.progress === undefined ? world.every(PROGRESS_MS, status) : () => {};
  try {
    await runGenerator(generator, {
      ...generation,
      log: environment.log,
      clock: world.clock,
      signal,
      onProgress: (count, last) => {
        onProgress(count, last);
        sent = count;
      },
    });
    tell('end', { sent }, `${counted(sent, 'record')} written in ${duration(world.clock.now() - began)}`);
  } finally {
    stopTelling();
    await environment.close();
  }
}

async function throughSpool(job: Job & { readonly kafka: KafkaPlace }, spool: SpoolSettings): Promise<void> {
  const { generator, generation, kafka, world, tell } = job;
  const { clock } = world;
  const place = spool.file ?? spool.folder;
  const began = clock.now();
  let stopTelling = (): void => {};
  try {
    const { generated, ...counts } = await generateThroughSpool({
      ...job,
      spool,
      clock,
      onOpen: (now) => {
        const what = `generating ${generator.topic} on Kafka at ${kafka.brokers.join(', ')}: ${describeGeneration(generation)}`;
        const limit = `what it does not take is kept in ${place}, up to ${bytes(spool.maxBytes)}`;
        tell('start', { spool: place }, `${what}\n${limit}`);
        const status = (): void => {
          if (generator.progress === undefined || now().buffered > 0) tell('status', now(), countsText(now()));
        };
        stopTelling = world.every(PROGRESS_MS, status);
      },
      onProgress: progressOf(generator, tell),
      onEvent: ({ kind, ...facts }) => tell(kind, facts, forwardingText({ kind, ...facts } as ForwardingEvent)),
      onWait: (buffered) =>
        tell('waiting', { buffered }, `all are generated: waiting for Kafka to take ${counted(buffered, 'record')}`),
    });
    const words = `${counted(generated, 'record')} generated in ${duration(clock.now() - began)}: ${countsText(counts)}`;
    const left = counts.buffered === 0 ? '' : `; what is buffered stays in ${place}, and is sent at the next start`;
    tell('end', { generated, ...counts, spool: place }, `${words}${left}`);
  } finally {
    stopTelling();
  }
}

/** Tells what the generator wants told of records that have been sent. */
function progressOf({ progress }: Generator, tell: Job['tell']): (sent: number, last: GeneratedRecord) => void {
  let told = 0;
  return (sent, last) => {
    if (progress === undefined) return;
    const due = sent - (sent % progress.every);
    if (due <= told) return;
    told = due;
    tell('status', { sent: due }, progress.line(due, last));
  };
}

/** `1,200 sent, 34 buffered, 0 failed` */
function countsText({ sent, buffered, failed }: ForwardingCounts): string {
  return `${grouped(sent)} sent, ${grouped(buffered)} buffered, ${grouped(failed)} failed`;
}
