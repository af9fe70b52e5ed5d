/**
 * Accounts for every record. For each node `in = passed + filtered + rejected + late + pending`, for each edge what left
 * one node entered the next, and for each rejection that it was either taken by a DLQ or carried on.
 */
import { MillraceError } from './errors.ts';

/** What one node did with the records it got, counted since the pipeline's first start. */
export interface NodeCounts {
  /** Records received. */
  in: number;
  /** Records that went on, were absorbed into state or were written. */
  passed: number;
  /** Records that a predicate, or an expansion into nothing, let go of on purpose. */
  filtered: number;
  rejected: number;
  late: number;
  /** Records received and not yet decided; 0 at every barrier of a correct operator. */
  pending: number;
  /** Records emitted: `passed`, but for fan-out and for windows. */
  emitted: number;
  /** Rejections received from above, on their way to a DLQ. */
  carriedIn: number;
  /** Rejections written to this node's DLQ or late topic. */
  taken: number;
  /** Rejections handed on. */
  carriedOut: number;
}

export function emptyCounts(): NodeCounts {
  return {
    in: 0,
    passed: 0,
    filtered: 0,
    rejected: 0,
    late: 0,
    pending: 0,
    emitted: 0,
    carriedIn: 0,
    taken: 0,
    carriedOut: 0,
  };
}

export interface LedgerEdge {
  readonly from: string;
  readonly to: string;
  /** One half of what leaves `from`: its records, or its rejections, which arrive as records. Both where it is missing. */
  readonly carries?: 'records' | 'rejections' | undefined;
}

/** Counts of every node at one barrier. */
export type LedgerCut = ReadonlyMap<string, Readonly<NodeCounts>>;

/** The first imbalance in words, or `undefined` when everything is accounted for. */
export function findImbalance(cut: LedgerCut, edges: readonly LedgerEdge[]): string | undefined {
  for (const [node, c] of cut) {
    const decided = c.passed + c.filtered + c.rejected + c.late + c.pending;
    if (c.in !== decided) {
      return `${node} received ${c.in} records and accounts for ${decided} (passed ${c.passed}, filtered ${c.filtered}, rejected ${c.rejected}, late ${c.late}, pending ${c.pending})`;
    }
    if (c.pending !== 0) return `${node} let a barrier pass with ${c.pending} records undecided`;
    const rejections = c.carriedIn + c.rejected + c.late;
    if (rejections !== c.taken + c.carriedOut) {
      return `${node} had ${rejections} rejections to hand on and accounts for ${c.taken + c.carriedOut} (taken ${c.taken}, carried on ${c.carriedOut})`;
    }
  }
  for (const { from, to } of edges) {
    const inputs = edges.filter((edge) => edge.to === to);
    const left = { records: 0, rejections: 0 };
    for (const edge of inputs) {
      const { records, rejections } = carriedBy(edge, cut);
      left.records += records;
      left.rejections += rejections;
    }
    const target = cut.get(to);
    if (target === undefined) return `${to} took no part in the checkpoint`;
    if (target.in !== left.records) return `${from} → ${to}: ${left.records} records left and ${target.in} arrived`;
    if (target.carriedIn !== left.rejections) {
      return `${from} → ${to}: ${left.rejections} rejections left and ${target.carriedIn} arrived`;
    }
  }
  return undefined;
}

/** What passes an edge: the records and rejections that its target has to account for. */
export function carriedBy({ from, carries }: LedgerEdge, cut: LedgerCut): { records: number; rejections: number } {
  const { emitted = 0, carriedOut = 0 } = cut.get(from) ?? {};
  if (carries === 'records') return { records: emitted, rejections: 0 };
  if (carries === 'rejections') return { records: carriedOut, rejections: 0 };
  return { records: emitted, rejections: carriedOut };
}

/** @throws MillraceError LEDGER_MISMATCH when a record is unaccounted for. */
export function assertBalanced(cut: LedgerCut, edges: readonly LedgerEdge[]): void {
  const imbalance = findImbalance(cut, edges);
  if (imbalance !== undefined) {
    throw new MillraceError('LEDGER_MISMATCH', `the ledger does not balance: ${imbalance}`, {
      hint: 'nothing of this checkpoint was committed; this is a defect in millrace or in a custom operator, please report it with this message',
    });
  }
}
