/** Where the rejections of a plan go: each to one place, and all of them somewhere. */
import { MillraceError } from './errors.ts';
import type { PlannedNode } from './plan.ts';
import type { RejectionKind } from './rejection.ts';

/** What the types check where there are types: pipeline files run unchecked, too. */
export function checkRejections(nodes: readonly PlannedNode[]): void {
  for (const planned of nodes) {
    checkHalves(planned);
    const open = unhandledAt(planned);
    if (open.length === 0) continue;
    if (planned.node.role === 'sink') {
      throw new MillraceError('PLAN_INVALID', `some rejections have nowhere to go: ${open.join(', ')}`, {
        place: { operator: planned.id },
        hint: `${remedyFor(open)} above this sink`,
      });
    }
    if (planned.users.length > 1 && !isSplit(planned)) {
      throw new MillraceError(
        'PLAN_INVALID',
        `${planned.id} is used ${planned.users.length} times with unhandled rejections: ${open.join(', ')}`,
        {
          place: { operator: planned.id },
          hint: `${remedyFor(open)} before the stream branches, so that no rejection is delivered twice`,
        },
      );
    }
  }
}

/** Records and rejections are each accounted for once: both halves of a split lead somewhere, and there is one split. */
function checkHalves(planned: PlannedNode): void {
  const { users } = planned;
  const missing = (['records', 'rejections'] as const).find(
    (half) =>
      users.some(({ node }) => node.receives !== undefined) && !users.some(({ node }) => node.receives === half),
  );
  if (missing === undefined) return;
  const position = missing === 'records' ? 'first' : 'second';
  throw new MillraceError(
    'PLAN_INVALID',
    `the ${missing} of ${planned.id} lead nowhere: one half of its split is not used`,
    {
      place: { operator: planned.id },
      hint: `pipe the ${position} stream of splitRejections() to a sink, too, or use toDLQ() in its place`,
    },
  );
}

/** Whether the users of this node are the two halves of one split: together they take it once. */
export function isSplit({ users }: PlannedNode): boolean {
  return users.length === 2 && users.every(({ node }) => node.receives !== undefined);
}

function remedyFor(open: readonly RejectionKind[]): string {
  if (!open.includes('LateRecord')) return 'add toDLQ()';
  return open.length === 1 ? 'add lateTo()' : 'add toDLQ(), or lateTo() and toDLQ() to keep late records apart,';
}

/** Rejections that can leave this node, CallbackError aside: that one has `throwsAreRejected`. */
function unhandledAt(planned: PlannedNode): RejectionKind[] {
  const { adds, takes, receives } = planned.node;
  if (takes === 'all' || receives !== undefined) return [];
  const from = planned.inputs.flatMap(unhandledAt);
  const open = [...new Set([...from, ...adds])].filter((kind) => kind !== 'CallbackError');
  return takes === 'none' ? open : open.filter((kind) => !takes.includes(kind));
}

/** Whether a callback that throws at this node rejects its record: as asked, else where a toDLQ() stands below it. */
export function throwsAreRejected(planned: PlannedNode): boolean {
  const reachesDlq = dlqBelow(planned);
  if (planned.node.onThrow === 'reject' && !reachesDlq) {
    throw new MillraceError('PLAN_INVALID', `${planned.id} has onThrow: 'reject' and no toDLQ() below it`, {
      place: { operator: planned.id },
      hint: "add toDLQ() below it, or say onThrow: 'fail'",
    });
  }
  return planned.node.onThrow === undefined ? reachesDlq : planned.node.onThrow === 'reject';
}

function dlqBelow(planned: PlannedNode): boolean {
  if (isSplit(planned)) return true;
  if (planned.users.length !== 1) return false;
  const [user] = planned.users;
  const { takes } = user.node;
  return takes === 'all' || (takes !== 'none' && takes.includes('CallbackError')) || dlqBelow(user);
}
