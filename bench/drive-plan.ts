/** Runs streams on a subject instead of a log, without task, checkpoint or disk around them. */
import { Subject } from 'rxjs';
import type { Element, Origin } from '../src/core/element.ts';
import { emptyCounts } from '../src/core/ledger.ts';
import type { NodeContext, PlanNode, TopicOutput } from '../src/core/operator.ts';
import { type PlannedNode, planOf } from '../src/core/plan.ts';
import { KeyedStateTable } from '../src/state/keyed-state.ts';
import { memoryStore } from '../src/state/memory-store.ts';
import { systemClock } from '../src/time/clock.ts';

export interface Surroundings {
  readonly origins: readonly Origin[];
  /** Default: an output that takes everything and keeps nothing. */
  readonly topic?: (name: string) => TopicOutput;
}

const NOWHERE: TopicOutput = { maxRecordBytes: Number.MAX_SAFE_INTEGER, append: () => true };

/** What is put into the subject goes through the plan before `next` returns. */
export function drivePlan(
  streams: Parameters<typeof planOf>[0],
  surroundings: Surroundings,
): Subject<Element<unknown>> {
  const input = new Subject<Element<unknown>>();
  const plan = planOf(streams);
  const outputs = new Map<PlanNode, ReturnType<PlanNode['build']>>();
  for (const planned of plan.nodes) {
    const inputs = planned.node.inputs.map((node) => outputs.get(node)!);
    outputs.set(planned.node, planned.node.build(contextOf(planned, input, surroundings), inputs));
  }
  for (const { node, users } of plan.nodes) if (users.length === 0) outputs.get(node)!.subscribe();
  return input;
}

function contextOf(
  planned: PlannedNode,
  input: Subject<Element<unknown>>,
  { origins, topic }: Surroundings,
): NodeContext {
  const nothing = (): void => {};
  return {
    id: planned.id,
    task: 'bench',
    clock: systemClock,
    counts: emptyCounts(),
    origins,
    rejectsThrows: true,
    unshared: true,
    codegen: true,
    keep: nothing,
    keyedState: <V>() => new KeyedStateTable<V>({ view: memoryStore(), prefix: new Uint8Array(1), maxEntries: 1e9 }),
    topic: topic ?? (() => NOWHERE),
    output: nothing,
    source: () => input,
    cut: nothing,
    hold: nothing,
    release: nothing,
    setPaused: nothing,
    touch: nothing,
    report: nothing,
    fail: nothing,
    print: nothing,
    outputPath: (path: string) => path,
  } as unknown as NodeContext;
}
