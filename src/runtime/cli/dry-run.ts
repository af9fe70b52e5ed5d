/** `--dry-run`: what a run would do. Runs nothing, writes nothing, creates nothing. */
import { CheckpointStore } from '../../checkpoint/checkpoint-store.ts';
import type { Plan } from '../../core/plan.ts';
import { checkContinues, checkDropped, refuseDrained } from '../recover.ts';
import type { OnDataLoss } from '../data-loss.ts';
import { taskIdOf } from '../task-id.ts';
import { asText, describePlan } from './describe.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { RunFlags } from './flags.ts';
import { describeGeneration, type Generation, modeOf } from './generation.ts';
import { kafkaOf, logKind, openExisting, outputsOf, placesOf } from './places.ts';
import { missingLines, nextPositions, positionTable } from './positions.ts';
import { Screen } from './screen.ts';
import { instant } from './text.ts';
import type { World } from './world.ts';

function lossOf({ failOnDataLoss }: RunFlags): OnDataLoss {
  return failOnDataLoss === false ? 'skip' : 'fail';
}

/** @throws MillraceError whatever would keep the run from starting */
export async function dryRun(
  { pipeline }: LoadedPipeline,
  plan: Plan,
  flags: RunFlags,
  generation: Generation | undefined,
  world: World,
): Promise<void> {
  const places = placesOf(flags, world.cwd);
  const group = flags.group ?? pipeline.group;
  const environment = await openExisting(kafkaOf(flags, world), places);
  try {
    const { log, store } = environment;
    const checkpoint = new CheckpointStore(store, taskIdOf(pipeline.name, logKind(flags), group)).load();
    checkDropped(checkpoint, flags.dropState ?? []);
    if (checkpoint !== undefined) {
      refuseDrained(checkpoint);
      checkContinues(checkpoint, plan.fingerprint, flags.dropState ?? []);
    }
    const from = flags.from ?? 'earliest';
    const { rows, missing } = await nextPositions(plan, log, checkpoint, from, group, lossOf(flags));
    const outputs = outputsOf(plan, log.description, places);
    const generator = generation && describeGeneration(generation);
    if (flags.json) {
      const described = JSON.parse(describePlan({ pipeline, plan, group }, 'json')) as object;
      const facts = {
        mode: modeOf(flags),
        log: log.description,
        stateDir: places.stateDir,
        generator: generator ?? null,
      };
      const line = {
        event: 'dry-run',
        ...facts,
        checkpoint: checkpoint?.epoch ?? null,
        positions: rows,
        missing,
        outputs,
        plan: described,
      };
      world.stdout.write(`${JSON.stringify(line)}\n`);
      return;
    }
    const screen = new Screen(world);
    const saved =
      checkpoint === undefined
        ? 'none: this would be the first start'
        : `${checkpoint.epoch}, of ${instant(checkpoint.savedAt)}`;
    const lines = [
      ...asText({ pipeline, plan, group }),
      '',
      `log         ${log.description}, ${modeOf(flags)}`,
      `state       ${places.stateDir}`,
      `checkpoint  ${saved}`,
      `generator   ${generator ?? 'off'}`,
      ...outputs.map((output, i) => `${i === 0 ? 'outputs ' : '        '}    ${output}`),
      '',
      ...(rows.length === 0 ? [] : positionTable(rows)),
      ...missingLines(missing),
      '',
      'Dry run: nothing was run and nothing written.',
    ];
    for (const line of lines) screen.show(line);
  } finally {
    await environment.close();
  }
}
