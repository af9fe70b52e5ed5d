/** The ledger in words and numbers: what every node did with its records, and what passed every edge. Pure. */
import { carriedBy, findImbalance, type LedgerEdge, type NodeCounts } from '../../core/ledger.ts';
import { edgeOf } from '../../core/plan.ts';
import type { NodeStatus, RunStatus } from '../run-options.ts';
import { type Align, grouped, table } from './text.ts';

export interface EdgeCounts extends LedgerEdge {
  readonly records: number;
  readonly rejections: number;
}

export interface LedgerReport {
  readonly nodes: Readonly<Record<string, NodeCounts>>;
  readonly edges: readonly EdgeCounts[];
  readonly balanced: boolean;
  /** What does not balance, in words. */
  readonly imbalance: string | null;
}

export function ledgerOf(status: RunStatus): LedgerReport {
  const edges = status.nodes.flatMap((node) => node.inputs.map((from) => edgeOf(from, node.id, node.receives)));
  const counts = new Map(status.nodes.map((node) => [node.id, node.counts]));
  const imbalance = findImbalance(counts, edges) ?? null;
  const passed = edges.map((edge) => ({ ...edge, ...carriedBy(edge, counts) }));
  return { nodes: Object.fromEntries(counts), edges: passed, balanced: imbalance === null, imbalance };
}

const HEAD = ['node', 'in', 'passed', 'filtered', 'rejected', 'late', 'pending', 'out', 'taken'];
const ALIGNS: readonly Align[] = ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'right'];

export function renderLedger(status: RunStatus): string[] {
  const ledger = ledgerOf(status);
  const edges = ledger.edges.map(({ from, to, records, rejections }) => [
    `${from} → ${to}`,
    grouped(records),
    rejections === 0 ? '' : `and ${grouped(rejections)} rejected on their way`,
  ]);
  return [
    'Ledger, since the first start (in = passed + filtered + rejected + late + pending):',
    ...table([HEAD, ...status.nodes.map(ledgerRow)], ALIGNS).map(indent),
    ...table(edges, ['left', 'right', 'left']).map(indent),
    ...lostLines(status),
    ledger.balanced ? 'Balanced: every record is accounted for.' : `NOT BALANCED: ${ledger.imbalance}`,
  ];
}

function lostLines({ lost, partitions }: RunStatus): string[] {
  if (lost === 0) return [];
  const known = partitions.filter((each) => each.lost > 0);
  const places = known.map((each) => `${each.topic}[${each.partition}] ${grouped(each.lost)}`).join(', ');
  return [`Lost, gone from the log before they were read: ${grouped(lost)}${places === '' ? '' : ` (${places})`}`];
}

function ledgerRow({ id, counts }: NodeStatus): string[] {
  const { passed, filtered, rejected, late, pending, emitted, taken } = counts;
  return [id, grouped(counts.in), ...[passed, filtered, rejected, late, pending, emitted, taken].map(blankZero)];
}

function blankZero(n: number): string {
  return n === 0 ? '·' : grouped(n);
}

function indent(line: string): string {
  return `  ${line}`;
}
