/** After a start on Kafka: what the log has decided, what the store holds, and how the two come to say the same. */
import { MillraceError } from '../core/errors.ts';
import type { Checkpoint } from './checkpoint.ts';

/** A partition's offset under the group's name, as the log holds it. */
export interface DecidedOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

export interface Findings {
  readonly group: string;
  /** The checkpoint that the store goes on from. */
  readonly current: Checkpoint;
  /** The epoch that was prepared and may have been decided. */
  readonly pending: Checkpoint | undefined;
  readonly decided: readonly DecidedOffset[];
}

/** `finish`: what is pending was decided and becomes current. `drop`: it was not. */
export type Verdict = 'finish' | 'drop' | 'none';

/** Written beside every offset, so that the epoch can be told from the log alone. */
export function epochMetadata({ epoch, life }: Pick<Checkpoint, 'epoch' | 'life'>): string {
  return life === undefined ? `epoch ${epoch}` : `epoch ${epoch} of ${life}`;
}

/** @throws MillraceError CHECKPOINT_MISMATCH when the two sides name epochs that no crash can leave */
export function reconcile({ group, current, pending, decided }: Findings): Verdict {
  const epoch = decidedEpoch(group, current, decided);
  const undecided: Verdict = pending === undefined ? 'none' : 'drop';
  if (epoch === current.epoch) return undecided;
  if (pending !== undefined && epoch === pending.epoch) return 'finish';
  refuseOlder({ group, current, pending, decided });
  const known = holds(current, pending);
  // Where the store decides, the group's offsets only follow, for others to see.
  if (current.decidedBy === 'store') return undecided;
  throw mismatch(
    epoch === undefined
      ? `group '${group}' has no offsets any more (deleted, or expired), and ${known}`
      : `group '${group}' is at epoch ${epoch}, and ${known}: its offsets were set back by something else`,
  );
}

/** @throws MillraceError CHECKPOINT_MISMATCH when the group has gone on without this state */
export function refuseOlder({ group, current, pending, decided }: Findings): void {
  const epoch = decidedEpoch(group, current, decided) ?? 0;
  if (epoch <= Math.max(current.epoch, pending?.epoch ?? 0)) return;
  const older = 'it is older than the group, or of another pipeline';
  throw mismatch(`group '${group}' has come to epoch ${epoch}, and ${holds(current, pending)}: ${older}`);
}

function holds(current: Checkpoint, pending: Checkpoint | undefined): string {
  return `this state directory holds epoch ${current.epoch}${pending ? ` and may hold ${pending.epoch}` : ''}`;
}

/**
 * Both sides name the same epoch now; they must name the same offsets.
 * @throws MillraceError CHECKPOINT_MISMATCH
 */
export function assertSameOffsets(
  group: string,
  checkpoint: Checkpoint,
  decided: readonly DecidedOffset[],
  topicOf: (source: string) => string,
): void {
  if (checkpoint.decidedBy !== 'transaction') return;
  for (const [source, offsets] of Object.entries(checkpoint.offsets)) {
    for (const { topic, partition, offset } of decided) {
      if (topic !== topicOf(source) || partition >= offsets.length || offsets[partition] === offset) continue;
      throw mismatch(
        `group '${group}' is at offset ${offset} of ${topic}[${partition}], and the state of its epoch at ${offsets[partition]}`,
      );
    }
  }
}

/** The epoch beside the group's offsets, the same beside each of them, and of the same life as ours. */
function decidedEpoch(group: string, current: Checkpoint, decided: readonly DecidedOffset[]): number | undefined {
  let found: number | undefined;
  for (const { topic, partition, metadata } of decided) {
    const match = /^epoch (\d+)(?: of ([0-9a-f]+))?$/.exec(metadata);
    if (match === null) {
      throw mismatch(
        `the offset of ${topic}[${partition}] in group '${group}' was written by something else than millrace`,
      );
    }
    if (match[2] !== current.life) {
      throw mismatch(
        `group '${group}' belongs to another life of this pipeline than this state directory: one of them was reset`,
      );
    }
    const epoch = Number(match[1]);
    if (found !== undefined && epoch !== found) {
      throw mismatch(`the offsets of group '${group}' are of epochs ${found} and ${epoch}`);
    }
    found = epoch;
  }
  return found;
}

function mismatch(message: string): MillraceError {
  return new MillraceError('CHECKPOINT_MISMATCH', message, {
    hint: 'the group belongs to one pipeline and one state directory: use the right --data and --group, or begin again with `millrace reset NAME --apply`; nothing was read and nothing written',
  });
}
