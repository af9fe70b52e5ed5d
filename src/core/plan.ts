/** The plan as a graph: nodes with stable ids, the edges between them, and the checks made before anything runs. */
import { createHash } from 'node:crypto';
import { MillraceError } from './errors.ts';
import type { LedgerEdge } from './ledger.ts';
import { requireStorableName } from './names.ts';
import type { PlanNode, TopicUse } from './operator.ts';
import { checkRejections, isSplit } from './plan-rejections.ts';
import type { AnySealedStream } from './stream.ts';

/** A node in its plan. */
export interface PlannedNode {
  /** Stable from run to run for all that keep something: `tumblingWindow(per-product)`, `watermark(orders)`; `map`, `map#2`. */
  readonly id: string;
  readonly node: PlanNode;
  readonly inputs: readonly PlannedNode[];
  readonly users: PlannedNode[];
}

export interface Plan {
  /** Inputs before their users. */
  readonly nodes: readonly PlannedNode[];
  readonly edges: readonly LedgerEdge[];
  readonly topics: readonly TopicUse[];
  readonly fingerprint: Fingerprint;
}

/** What a checkpoint belongs to. Compared part by part, so that a difference can be spelled out. */
export interface Fingerprint {
  readonly version: number;
  readonly sources: readonly string[];
  /** Stateful operators: name → kind and options. */
  readonly stateful: Readonly<Record<string, string>>;
  /** Hash over all nodes and edges: where it differs, the ledger starts anew. */
  readonly shape: string;
}

/** @throws MillraceError PLAN_INVALID, naming the operator and the fix */
export function planOf(streams: readonly AnySealedStream[], version = 1): Plan {
  const nodes = collect(streams.map((stream) => stream.node));
  const edges = nodes.flatMap((planned) =>
    planned.inputs.map((input) => edgeOf(input.id, planned.id, planned.node.receives)),
  );
  checkNames(nodes);
  checkSources(nodes);
  checkOutputs(nodes);
  checkWatermarks(nodes);
  checkRejections(nodes);
  return { nodes, edges, topics: topicsOf(nodes), fingerprint: fingerprintOf(nodes, edges, version) };
}

/** `carries` is left out where the edge carries all: the shape of a plan is a hash over its edges. */
export function edgeOf(from: string, to: string, carries: LedgerEdge['carries']): LedgerEdge {
  return carries === undefined ? { from, to } : { from, to, carries };
}

function collect(ends: readonly PlanNode[]): PlannedNode[] {
  const planned = new Map<PlanNode, PlannedNode>();
  const used = new Map<string, number>();
  const visit = (node: PlanNode): PlannedNode => {
    const known = planned.get(node);
    if (known !== undefined) return known;
    const inputs = node.inputs.map(visit);
    const name = node.namedBySources ? sourcesOf(node).join('+') : node.name;
    const label = name === undefined ? node.kind : `${node.kind}(${name})`;
    const uses = (used.get(label) ?? 0) + 1;
    used.set(label, uses);
    const entry: PlannedNode = { id: uses === 1 ? label : `${label}#${uses}`, node, inputs, users: [] };
    for (const input of inputs) input.users.push(entry);
    planned.set(node, entry);
    return entry;
  };
  ends.forEach(visit);
  return [...planned.values()];
}

/** Topics of the sources above a node. */
export function sourcesOf(node: PlanNode): string[] {
  if (node.role === 'source') return [node.name ?? ''];
  return [...new Set(node.inputs.flatMap(sourcesOf))].sort();
}

function checkNames(nodes: readonly PlannedNode[]): void {
  const seen = new Map<string, string>();
  for (const { id, node } of nodes) {
    if (!node.stateful || node.name === undefined) continue;
    requireStorableName(`the name of a ${node.kind}`, node.name);
    const other = seen.get(node.name);
    if (other !== undefined) {
      throw new MillraceError('PLAN_INVALID', `${id} and ${other} keep state under the same name '${node.name}'`, {
        place: { operator: id },
        hint: 'give each stateful operator a name of its own',
      });
    }
    seen.set(node.name, id);
  }
}

/** A group has one offset a partition: two readers of a topic could not both go on from it. */
function checkSources(nodes: readonly PlannedNode[]): void {
  const seen = new Map<string, string>();
  for (const { id, node } of nodes) {
    if (node.role !== 'source' || node.name === undefined) continue;
    const other = seen.get(node.name);
    if (other !== undefined) {
      throw new MillraceError('PLAN_INVALID', `${other} and ${id} both read topic ${node.name}`, {
        place: { operator: id },
        hint: `read it once, const records = kafka('${node.name}'), and use the stream twice by its variable`,
      });
    }
    seen.set(node.name, id);
  }
}

function checkOutputs(nodes: readonly PlannedNode[]): void {
  const seen = new Map<string, string>();
  for (const { id, node } of nodes) {
    if (node.exclusive === undefined) continue;
    const other = seen.get(node.exclusive);
    if (other !== undefined) {
      throw new MillraceError('PLAN_INVALID', `${id} and ${other} would both write ${node.exclusive}`, {
        place: { operator: id },
        hint: 'merge() the streams above one sink, or give each sink a path of its own',
      });
    }
    seen.set(node.exclusive, id);
  }
}

function checkWatermarks(nodes: readonly PlannedNode[]): void {
  for (const planned of nodes) {
    if (planned.node.requires?.watermark && !hasWatermark(planned)) {
      throw new MillraceError('PLAN_INVALID', `${planned.id} needs event time`, {
        place: { operator: planned.id },
        hint: 'put watermark({ eventTime, outOfOrdernessMs }) above it, on every input',
      });
    }
    if (planned.node.kind === 'watermark' && planned.inputs.some(watermarksReach)) {
      throw new MillraceError('PLAN_INVALID', `${planned.id} stands below another watermark()`, {
        place: { operator: planned.id },
        hint: 'event time is chosen once, above keyBy() and windows: windows on windows need no watermark() of their own',
      });
    }
  }
}

/** Whether watermarks arrive here on every way from a source. */
function hasWatermark(planned: PlannedNode): boolean {
  if (losesTime(planned)) return false;
  return (
    planned.inputs.length > 0 && planned.inputs.every((input) => input.node.givesWatermarks || hasWatermark(input))
  );
}

/** Whether a watermark leaves this node on any way. */
function watermarksReach(planned: PlannedNode): boolean {
  if (losesTime(planned)) return false;
  return planned.node.givesWatermarks === true || planned.inputs.some(watermarksReach);
}

/** Rejections that have become records have no watermark of their partition: event time begins anew below them. */
function losesTime({ node }: PlannedNode): boolean {
  return node.receives === 'rejections';
}

/** Whether the plan does not branch anywhere above this node. */
export function isUnshared(planned: PlannedNode): boolean {
  return planned.inputs.every((input) => (input.users.length === 1 || isSplit(input)) && isUnshared(input));
}

/**
 * One use a topic and direction. All uses of a topic agree on what it is created with: numbers of partitions that were written
 * stand before those that nobody chose, and must not differ.
 */
function topicsOf(nodes: readonly PlannedNode[]): TopicUse[] {
  const chosen = new Map<string, { readonly partitions: number; readonly by: string }>();
  const recordBytes = new Map<string, number>();
  const uses = nodes.flatMap(({ id, node }) => node.topics.map((use) => ({ id, use })));
  for (const { id, use } of uses) {
    const { topic, partitions } = use;
    if (use.recordBytes !== undefined) recordBytes.set(topic, Math.max(use.recordBytes, recordBytes.get(topic) ?? 0));
    if (use.partitionsByDefault) continue;
    const other = chosen.get(topic);
    if (other !== undefined && other.partitions !== partitions) {
      throw new MillraceError(
        'PLAN_INVALID',
        `${id} would create topic ${topic} with ${partitions} partitions, and ${other.by} with ${other.partitions}`,
        { place: { operator: id }, hint: 'give both the same number, or leave it out at one of them' },
      );
    }
    chosen.set(topic, { partitions, by: id });
  }
  const byTopic = new Map<string, TopicUse>();
  for (const { use } of uses) {
    const { topic, use: direction } = use;
    const partitions = chosen.get(topic)?.partitions ?? use.partitions;
    const bytes = recordBytes.get(topic);
    const agreed = { topic, use: direction, partitions };
    byTopic.set(`${direction} ${topic}`, bytes === undefined ? agreed : { ...agreed, recordBytes: bytes });
  }
  return [...byTopic.values()];
}

function fingerprintOf(nodes: readonly PlannedNode[], edges: readonly LedgerEdge[], version: number): Fingerprint {
  const stateful = nodes.filter(({ node }) => node.stateful);
  const shape = createHash('sha256').update(JSON.stringify([nodes.map(({ id }) => id), edges]));
  return {
    version,
    sources: nodes.filter(({ node }) => node.role === 'source').map(({ node }) => node.name ?? ''),
    stateful: Object.fromEntries(
      stateful.map(({ id, node }) => [node.name ?? id, `${node.kind} ${JSON.stringify(node.options)}`]),
    ),
    shape: shape.digest('hex').slice(0, 16),
  };
}

/** Every difference that a checkpoint cannot be carried over, in words. Additions are fine. */
export function fingerprintDifferences(before: Fingerprint, now: Fingerprint, dropped: readonly string[]): string[] {
  const differences: string[] = [];
  if (before.version !== now.version) differences.push(`version was ${before.version} and is ${now.version}`);
  for (const source of before.sources) {
    if (!now.sources.includes(source)) differences.push(`source '${source}' is no longer read`);
  }
  for (const [name, was] of Object.entries(before.stateful)) {
    const is = now.stateful[name];
    if (dropped.includes(name)) continue;
    if (is === undefined)
      differences.push(`stateful operator '${name}' (${was}) is gone: --drop-state ${name} lets its state go`);
    else if (is !== was) differences.push(`'${name}' was ${was} and is ${is}`);
  }
  return differences;
}
