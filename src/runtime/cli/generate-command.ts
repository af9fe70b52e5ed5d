/** `millrace generate NAME`: the generator alone, for a pipeline that runs elsewhere or later. */
import { EXIT } from '../../core/errors.ts';
import { openEnvironment } from '../environment.ts';
import { runGenerator } from '../generate.ts';
import { usageError } from './failure.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { GenerateFlags } from './flags.ts';
import { describeGeneration, generationAlone } from './generation.ts';
import { kafkaOf, placesOf } from './places.ts';
import { stopSignal } from './run-command.ts';
import { Screen } from './screen.ts';
import { counted, duration } from './text.ts';
import type { World } from './world.ts';

const PROGRESS_MS = 5_000;

export async function generateCommand(
  { pipeline, generator }: LoadedPipeline,
  flags: GenerateFlags,
  world: World,
): Promise<number> {
  if (generator === undefined) {
    throw usageError(`pipeline '${pipeline.name}' has no generator`, 'put a generator.ts beside its pipeline.ts');
  }
  const began = world.clock.now();
  const generation = generationAlone(flags, generator, began);
  const screen = new Screen(world);
  const kafka = kafkaOf(flags, world);
  const tell = (event: string, facts: { sent?: number }, words: string): void => {
    if (flags.json) world.stdout.write(`${JSON.stringify({ event, topic: generator.topic, ...facts })}\n`);
    else screen.message(words);
  };
  const { signal, release } = stopSignal(world, (text) => tell('notice', {}, text));
  const environment = await openEnvironment({ kafka, stateDir: placesOf(flags, world.cwd).stateDir });
  let sent = 0;
  tell(
    'start',
    {},
    `generating ${generator.topic} on ${environment.log.description}: ${describeGeneration(generation)}`,
  );
  const stopTelling = world.every(PROGRESS_MS, () => tell('status', { sent }, `${counted(sent, 'record')} written`));
  try {
    await runGenerator(generator, {
      ...generation,
      log: environment.log,
      clock: world.clock,
      signal,
      onProgress: (count) => {
        sent = count;
      },
    });
    tell('end', { sent }, `${counted(sent, 'record')} written in ${duration(world.clock.now() - began)}`);
  } finally {
    stopTelling();
    release();
    await environment.close();
  }
  return EXIT.ok;
}
