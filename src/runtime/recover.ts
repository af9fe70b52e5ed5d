/** From a committed checkpoint to a task that goes on from it. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { ProtocolPoint } from '../checkpoint/protocol.ts';
import { MillraceError } from '../core/errors.ts';
import { type Fingerprint, fingerprintDifferences } from '../core/plan.ts';
import type { NodeHost } from './node-host.ts';

/** @throws MillraceError DRAINED or PLAN_CHANGED when this plan cannot go on from the checkpoint */
export function checkContinues(checkpoint: Checkpoint, now: Fingerprint, dropped: readonly string[]): void {
  if (checkpoint.drained) {
    throw new MillraceError(
      'DRAINED',
      'this pipeline was drained: all its windows are closed and would open a second time',
      {
        hint: 'begin again with `millrace reset NAME --apply`, or run under another group (--group ID)',
      },
    );
  }
  const differences = fingerprintDifferences(checkpoint.fingerprint, now, dropped);
  if (differences.length > 0) {
    throw new MillraceError('PLAN_CHANGED', `the checkpoint was written by another plan: ${differences.join('; ')}`, {
      hint: 'undo the change, let the state of an operator go (--drop-state NAME), or begin again with `millrace reset NAME --apply`',
    });
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
