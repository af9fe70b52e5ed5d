/** `millrace NAME`: runs a pipeline and shows how it goes. */
import { EXIT, MillraceError, messageOf } from '../../core/errors.ts';
import { planOf } from '../../core/plan.ts';
import { nodeDisk } from '../../files/node-disk.ts';
import type { ForwardingEvent } from '../../spool/forwarding.ts';
import { makeFolders } from '../../state/make-folders.ts';
import { openEnvironment } from '../environment.ts';
import { runGenerator } from '../generate.ts';
import { generatorFor } from '../generator.ts';
import { paramValues } from '../params.ts';
import { run } from '../run.ts';
import { dryRun } from './dry-run.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { RunFlags } from './flags.ts';
import { describeGeneration, generationOf, modeOf } from './generation.ts';
import type { ParamFlags } from './parse-arguments.ts';
import { kafkaOf, logKind, outputsOf, placesOf } from './places.ts';
import { counted } from './text.ts';
import { forwardingText, generateThroughSpool, kafkaFor, spoolOf } from './spooling.ts';
import { viewFor } from './views.ts';
import type { World } from './world.ts';

/** @throws MillraceError whatever stopped the pipeline, or kept it from starting */
export async function runCommand(
  loaded: LoadedPipeline,
  flags: RunFlags,
  params: ParamFlags,
  world: World,
): Promise<number> {
  const { pipeline } = loaded;
  const values = paramValues(pipeline, params);
  const generator = await generatorFor(loaded.generator, values);
  const generation = generationOf(flags, generator, logKind(flags), world.clock.now());
  const plan = planOf(pipeline.build(values), pipeline.version);
  if (flags.dryRun) {
    await dryRun(loaded, plan, flags, generation, world);
    return EXIT.ok;
  }
  const kafka = kafkaOf(flags, world);
  const places = placesOf(flags, world.cwd);
  const spool = generator && spoolOf(flags, kafka, generator, { stateDir: places.stateDir, cwd: world.cwd });
  if (flags.data !== undefined) makeFolder(places.outputDir);
  const view = viewFor(world, flags);
  const { signal, release } = stopSignal(world, (text) => view.notice(text));
  try {
    const environment = await openEnvironment({ kafka, stateDir: places.stateDir });
    try {
      const { log, store } = environment;
      const outputs = outputsOf(plan, log.description, places);
      const where = { stateDir: places.stateDir, outputs, generator: generation && describeGeneration(generation) };
      const report = await run(pipeline, {
        log,
        store,
        clock: world.clock,
        disk: nodeDisk,
        mode: modeOf(flags),
        outputDir: places.outputDir,
        group: flags.group,
        from: flags.from,
        params,
        checkpointMs: flags.checkpointMs,
        maxStateEntries: flags.stateEntries,
        delivery: flags.delivery,
        maxRejectRatio: flags.maxRejectRatio,
        dropState: flags.dropState,
        failOnDataLoss: flags.failOnDataLoss,
        codegen: flags.codegen,
        signal,
        producer:
          generation &&
          (async (stopped) => {
            const job = { generator: generator!, generation, log, clock: world.clock, signal: stopped };
            const onEvent = (event: ForwardingEvent): void => view.notice(`generator: ${forwardingText(event)}`);
            const target = kafkaFor(generator!, kafka, flags, world.env);
            const sent = await (target !== undefined && spool !== undefined
              ? generateThroughSpool({ ...job, kafka: target, spool, onEvent }).then(({ generated }) => generated)
              : runGenerator(generator!, { ...generation, ...job }));
            if (generation.events !== undefined && !stopped.aborted)
              view.notice(`generator: ${counted(sent, 'record')} written`);
          }),
        onStart: (running) => view.started(running, where),
        onNotice: (notice) => view.notice(notice),
        print: (line) => view.print(line),
      });
      view.ended(report);
    } finally {
      view.close();
      await environment.close();
    }
  } finally {
    release();
  }
  return EXIT.ok;
}

/** Aborts at the first Ctrl-C, SIGTERM or closed output; ends the process at the second signal. */
export function stopSignal(world: World, say: (text: string) => void): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController();
  const release = world.onStop((reason) => {
    if (controller.signal.aborted) {
      if (reason === 'signal') world.exit(EXIT.interrupted);
      return;
    }
    if (reason === 'signal') say('stopping: finishing what is in flight (Ctrl-C again to force)');
    controller.abort();
  });
  return { signal: controller.signal, release };
}

function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (thrown) {
    throw new MillraceError('STORE_FAILED', `the folder ${path} cannot be made: ${messageOf(thrown)}`, {
      hint: 'choose another one (--data DIR)',
      cause: thrown,
    });
  }
}
