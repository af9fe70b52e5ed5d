/** Draws a plan: as text, as a mermaid flowchart, or as JSON. Pure. */
import type { Plan, PlannedNode } from '../../core/plan.ts';
import { throwsAreRejected } from '../../core/plan-rejections.ts';
import type { Pipeline } from '../../core/pipeline.ts';
import type { DescribeFormat } from './parse-arguments.ts';
import { counted } from './text.ts';

export interface Described {
  readonly pipeline: Pipeline;
  readonly plan: Plan;
  readonly group: string;
}

export function describePlan(described: Described, format: DescribeFormat): string {
  if (format === 'json') return JSON.stringify(asJson(described), undefined, 2);
  return (format === 'mermaid' ? asMermaid(described.plan) : asText(described)).join('\n');
}

/** Top down from the sources; a step that several others use is followed by its branches, each step is printed once. */
export function asText({ pipeline, plan, group }: Described): string[] {
  const about = pipeline.description === '' ? '' : `: ${pipeline.description}`;
  const lines = [`${pipeline.name}${about}`, `group ${group}, version ${pipeline.version}`, ''];
  const printed = new Set<PlannedNode>();
  /** Inputs of a step with several that have been reached so far. */
  const reached = new Map<PlannedNode, number>();
  const draw = (from: PlannedNode, prefix: string, first: string): void => {
    let lead = first;
    for (let planned = from; ; planned = planned.users[0]) {
      if (planned.inputs.length > 1) {
        const times = (reached.get(planned) ?? 0) + 1;
        reached.set(planned, times);
        if (times < planned.inputs.length) {
          lines.push(`${prefix}${lead}→ ${planned.id}, further below`);
          return;
        }
      }
      if (printed.has(planned)) {
        lines.push(`${prefix}${lead}→ ${planned.id}, see above`);
        return;
      }
      printed.add(planned);
      lines.push(`${prefix}${lead}${labelOf(planned)}`);
      const inner = lead === '' || lead === '│ ' ? prefix : `${prefix}${lead === '├─ ' ? '│  ' : '   '}`;
      if (planned.users.length !== 1) {
        planned.users.forEach((user, i) => {
          const isLast = i === planned.users.length - 1;
          draw(user, inner, isLast ? '└─ ' : '├─ ');
        });
        return;
      }
      prefix = inner;
      lead = '│ ';
    }
  };
  for (const planned of plan.nodes) if (planned.inputs.length === 0) draw(planned, '', '');
  return [...lines, '', ...topicLines(plan)];
}

function labelOf(planned: PlannedNode): string {
  const { node, id } = planned;
  const rejects = node.adds.filter((kind) => kind !== 'CallbackError' || throwsAreRejected(planned));
  const facts = [
    ...Object.entries(node.options).map(([name, value]) => `${name} ${String(value)}`),
    ...(node.stateful ? [`state '${node.name ?? id}'`] : []),
    ...(rejects.length > 0 ? [`can reject: ${rejects.join(', ')}`] : []),
    ...(node.takes === 'none' ? [] : [`takes: ${node.takes === 'all' ? 'all rejections' : node.takes.join(', ')}`]),
    ...throwOf(planned),
    ...node.topics.map(({ topic, use }) => `${use === 'read' ? 'reads' : 'writes'} topic ${topic}`),
  ];
  return facts.length === 0 ? id : `${id}  [${facts.join('; ')}]`;
}

function throwOf(planned: PlannedNode): string[] {
  const effect = effectOfThrow(planned);
  return effect === null ? [] : [`a throw ${effect}`];
}

/** What a callback that throws does; null where there is none that may. */
function effectOfThrow(planned: PlannedNode): 'is rejected' | 'stops the pipeline' | null {
  if (planned.node.adds.includes('CallbackError')) {
    return throwsAreRejected(planned) ? 'is rejected' : 'stops the pipeline';
  }
  return planned.node.stateful || planned.node.role === 'sink' ? 'stops the pipeline' : null;
}

function topicLines(plan: Plan): string[] {
  return plan.topics.map(
    ({ topic, use, partitions }) =>
      `${use === 'read' ? 'reads ' : 'writes'}  ${topic} (created with ${counted(partitions, 'partition')} where missing)`,
  );
}

export function asMermaid(plan: Plan): string[] {
  const names = new Map(plan.nodes.map((planned, i) => [planned, `n${i}`]));
  const topics = new Map(plan.topics.map(({ topic }, i) => [topic, `t${i}`]));
  const lines = ['flowchart TD'];
  for (const [topic, name] of topics) lines.push(`  ${name}[("${escapeMermaid(topic)}")]`);
  for (const [planned, name] of names) {
    const text = escapeMermaid(planned.id);
    lines.push(`  ${name}${planned.node.role === 'operator' ? `["${text}"]` : `(["${text}"])`}`);
  }
  for (const [planned, name] of names) {
    const arrow = planned.node.receives === 'rejections' ? '-. rejected .->' : '-->';
    for (const input of planned.inputs) lines.push(`  ${names.get(input)} ${arrow} ${name}`);
    for (const { topic, use } of planned.node.topics) {
      const isSide = planned.node.role === 'operator';
      if (use === 'read') lines.push(`  ${topics.get(topic)} --> ${name}`);
      else lines.push(`  ${name} ${isSide ? '-. rejected .->' : '-->'} ${topics.get(topic)}`);
    }
  }
  return lines;
}

/** A `#` is one in mermaid, too, unless it begins a name and a semicolon. */
function escapeMermaid(text: string): string {
  return text.replaceAll(/#(?=\w+;)/g, '#35;').replaceAll('"', '#quot;');
}

function asJson({ pipeline, plan, group }: Described): object {
  return {
    pipeline: pipeline.name,
    description: pipeline.description,
    group,
    version: pipeline.version,
    params: pipeline.params,
    nodes: plan.nodes.map((planned) => ({
      id: planned.id,
      kind: planned.node.kind,
      name: planned.node.name ?? null,
      role: planned.node.role,
      inputs: planned.inputs.map(({ id }) => id),
      options: planned.node.options,
      stateful: planned.node.stateful,
      adds: planned.node.adds,
      takes: planned.node.takes,
      receives: planned.node.receives ?? null,
      throw: effectOfThrow(planned),
      topics: planned.node.topics,
    })),
    edges: plan.edges,
    topics: plan.topics,
    fingerprint: plan.fingerprint,
  };
}
