/** From a committed checkpoint to a task that goes on from it. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { ProtocolPoint } from '../checkpoint/protocol.ts';
import { MillraceError } from '../core/errors.ts';
import { type Fingerprint, fingerprintDifferences } from '../core/plan.ts';
import type { NodeHost } from './node-host.ts';

/** @throws MillraceError DRAINED when there is nothing to go on from */
export function refuseDrained({ drained }: Checkpoint): void {
  if (!drained) return;
  const message = 'this pipeline was drained: all its windows are closed and would open a second time';
  throw new MillraceError('DRAINED', message, {
    hint: 'begin again with `millrace reset NAME --apply`, or run under another group (--group ID)',
  });
}

/** @throws MillraceError PLAN_CHANGED when this plan cannot go on from the checkpoint */
export function checkContinues(checkpoint: Checkpoint, now: Fingerprint, dropped: readonly string[]): void {
  const differences = fingerprintDifferences(checkpoint.fingerprint, now, dropped);
  if (differences.length > 0) {
    throw new MillraceError('PLAN_CHANGED', `the checkpoint was written by another plan: ${differences.join('; ')}`, {
      hint: 'undo the change, let the state of an operator go (--drop-state NAME), or begin again with `millrace reset NAME --apply`',
    });
  }
}

/**
 * What `--drop-state` names has to be there: a misspelt name would keep what was to go.
 * @throws MillraceError CONFIG_INVALID, naming the states that there are
 */
export function checkDropped(checkpoint: Checkpoint | undefined, dropped: readonly string[]): void {
  const states = Object.keys(checkpoint?.fingerprint.stateful ?? {});
  const unknown = dropped.find((name) => !states.includes(name));
  if (unknown === undefined) return;
  const there = states.length === 0 ? 'there is none' : `there ${states.length === 1 ? 'is' : 'are'} ${list(states)}`;
  throw new MillraceError('CONFIG_INVALID', `--drop-state ${unknown}: there is no such state in the checkpoint`, {
    hint: `${there}; once a run has let a state go, leave --drop-state out`,
  });
}

function list(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** The states that a run lets go: once, however often it has to go back to its last checkpoint. */
export class DroppedStates {
  private readonly names: readonly string[];
  private first: { readonly epoch: number | undefined } | undefined;

  constructor(names: readonly string[]) {
    this.names = names;
  }

  /**
   * What is to be let go on the way from this checkpoint. One behind the first is of this run: what it holds is new.
   * @throws MillraceError CONFIG_INVALID when the first has no such state
   */
  from(checkpoint: Checkpoint | undefined): readonly string[] {
    if (this.first === undefined) checkDropped(checkpoint, this.names);
    this.first ??= { epoch: checkpoint?.epoch };
    return checkpoint?.epoch === this.first.epoch ? this.names : [];
  }
}

/**
 * A sink that has left the plan cannot publish what its last checkpoint staged.
 * @throws MillraceError PLAN_CHANGED when there may be such output
 */
export function checkOutputs(checkpoint: Checkpoint, nodes: readonly { readonly id: string }[], settled: number): void {
  const gone = Object.keys(checkpoint.manifests).filter((id) => !nodes.some((node) => node.id === id));
  if (gone.length === 0 || checkpoint.epoch === settled) return;
  throw new MillraceError('PLAN_CHANGED', `the last run ended before all output of ${gone.join(', ')} was published`, {
    hint: 'start once with the plan (and the paths) as they were and stop it with Ctrl-C; then the sink can go or write elsewhere',
  });
}

/** Puts every node and output into the state of the checkpoint. */
export async function restore(
  nodes: readonly NodeHost[],
  checkpoint: Checkpoint | undefined,
  fingerprint: Fingerprint,
  dropped: readonly string[],
  store: CheckpointStore,
  onPoint: (point: ProtocolPoint) => void,
): Promise<void> {
  for (const name of dropped) await store.dropState(name);
  const sameShape = checkpoint?.fingerprint.shape === fingerprint.shape;
  for (const node of nodes) {
    const name = node.planned.node.name;
    const snapshot = checkpoint?.snapshots[node.id];
    if (snapshot !== undefined && !(name !== undefined && dropped.includes(name))) node.participant.restore?.(snapshot);
    if (sameShape) Object.assign(node.counts, checkpoint?.ledger[node.id]);
  }
  onPoint('recovery-loaded');
  for (const node of nodes) await node.fileOutput?.recover(checkpoint?.manifests[node.id]);
  onPoint('recovery-published');
}
