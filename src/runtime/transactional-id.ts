/** The names under which a pipeline's transactions are known to the log. */
import type { Checkpoint } from '../checkpoint/checkpoint.ts';

/**
 * One name a pipeline and group: a second instance of a pipeline fences the first, another pipeline of the group does not.
 * The name of a pipeline holds no slash, so that no two pairs have the same.
 */
export function transactionalIdOf(pipeline: string, group: string): string {
  return `${group}/${pipeline}.millrace`;
}

/** Other ids under which the transactions of these checkpoints were made: what they left open is still to be settled. */
export function formerIdsOf(
  checkpoints: readonly (Checkpoint | undefined)[],
  id: string,
  group: string,
): ReadonlySet<string> {
  const ids = checkpoints
    .filter((checkpoint) => checkpoint?.decidedBy === 'transaction')
    // Before checkpoints named it, it was this one.
    .map((checkpoint) => checkpoint!.transactionalId ?? `${group}.millrace`);
  return new Set(ids.filter((former) => former !== id));
}
