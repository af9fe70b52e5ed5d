/** `millrace reset NAME`: begins a pipeline again. Shows current → new, and changes nothing without `--apply`. */
import { CheckpointStore } from '../../checkpoint/checkpoint-store.ts';
import { processProbe } from '../../checkpoint/process-probe.ts';
import { EXIT } from '../../core/errors.ts';
import { planOf } from '../../core/plan.ts';
import { openEnvironment } from '../environment.ts';
import { paramValues } from '../params.ts';
import { taskIdOf } from '../task-id.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { ResetFlags } from './flags.ts';
import type { ParamFlags } from './parse-arguments.ts';
import { filesOf, hasState, kafkaOf, lastingOutputsOf, logKind, openExisting, placesOf } from './places.ts';
import { missingLines, type PositionRow, positionTable } from './positions.ts';
import { resetRows } from './reset-positions.ts';
import { Screen } from './screen.ts';
import { spell } from './spelling.ts';
import { counted } from './text.ts';
import type { World } from './world.ts';

export async function resetCommand(
  { pipeline }: LoadedPipeline,
  flags: ResetFlags,
  params: ParamFlags,
  world: World,
): Promise<number> {
  const places = placesOf(flags, world.cwd);
  const group = flags.group ?? pipeline.group;
  const plan = planOf(pipeline.build(paramValues(pipeline, params)), pipeline.version);
  const screen = new Screen(world);
  const kafka = kafkaOf(flags, world);
  const to = flags.to ?? 'earliest';
  const isChosen = flags.to !== undefined || (world.env.STARTING_OFFSETS ?? '') !== '';
  // A first checkpoint that is to be left for the next start needs a state directory; all else can be looked at without one.
  const mustWrite = flags.apply === true && (hasState(places) || isChosen);
  const environment = mustWrite
    ? await openEnvironment({ kafka, stateDir: places.stateDir })
    : await openExisting(kafka, places);
  const { log, store } = environment;
  const checkpoints = new CheckpointStore(store, taskIdOf(pipeline.name, logKind(flags), group));
  try {
    // Owning comes first: while a process runs the pipeline, neither its state nor its group's offsets are ours to delete.
    if (flags.apply) await checkpoints.own(processProbe, world.clock.now());
    const saved = checkpoints.load();
    const rows = await resetRows(plan, log, saved, to, group);
    const missing = (await Promise.all(plan.topics.map(async (use) => ({ use, info: await log.topic(use.topic) }))))
      .filter(({ use, info }) => use.use === 'read' && info === undefined)
      .map(({ use }) => use);
    const lines = [
      `${pipeline.name} on ${log.description}, group ${group}, state ${places.stateDir}`,
      saved === undefined ? 'there is no checkpoint' : `checkpoint ${saved.epoch}${saved.drained ? ', drained' : ''}`,
      ...(rows.length === 0 ? [] : positionTable(rows)),
      ...missingLines(missing),
      ...consequences(rows, lastingOutputsOf(plan, log.description, places), filesOf(plan, places)),
    ];
    if (!flags.json) for (const line of lines) screen.show(line);
    if (flags.apply) {
      // Without a checkpoint the next start would choose for itself, by --from and the log as it is then.
      const begin = isChosen ? { offsets: offsetsOf(rows), fingerprint: plan.fingerprint } : undefined;
      await log.deleteGroup(group);
      await checkpoints.reset(processProbe, world.clock.now(), begin);
    }
    if (flags.json) {
      const facts = { log: log.description, group, checkpoint: saved?.epoch ?? null, positions: rows, missing };
      const line = { event: 'reset', pipeline: pipeline.name, applied: flags.apply === true, ...facts };
      world.stdout.write(`${JSON.stringify(line)}\n`);
    } else if (flags.apply) {
      screen.show('Done: checkpoint, state and group offsets are deleted; the next run begins as shown.');
    } else {
      screen.show(`Nothing was changed. To do it: ${spell([...world.argv, '--apply'], world.env)}`);
    }
    return EXIT.ok;
  } finally {
    await checkpoints.disown().catch(() => {});
    await environment.close();
  }
}

/** What the next run does to outputs that are there already, in words. */
function consequences(rows: readonly PositionRow[], outputs: readonly string[], files: readonly string[]): string[] {
  const repeated = rows.reduce((sum, { current, next }) => sum + Math.max(0, (current ?? 0) - next), 0);
  const skipped = rows.reduce((sum, { current, next }) => sum + Math.max(0, next - (current ?? 0)), 0);
  return [
    'To be deleted: the checkpoint with windows and all other state, and the offsets of the group.',
    ...(outputs.length > 0 ? ['To be left alone, and added to by the next run:'] : []),
    ...outputs.map((output) => `  ${output}`),
    ...(repeated > 0 ? [`To be repeated: ${counted(repeated, 'record')}; what they gave is written once more.`] : []),
    ...(repeated > 0 && files.length > 0
      ? [`  To have it once, move these away before that run: ${files.join(', ')}`]
      : []),
    ...(skipped > 0 ? [`To be skipped: ${counted(skipped, 'record')}, never processed.`] : []),
  ];
}

function offsetsOf(rows: readonly PositionRow[]): Record<string, number[]> {
  const offsets: Record<string, number[]> = {};
  for (const { source, partition, next } of rows) (offsets[source] ??= [])[partition] = next;
  return offsets;
}
