import { describe, expect, it } from 'vitest';
import { planOf } from '../../../src/core/plan.ts';
import { paramValues } from '../../../src/runtime/params.ts';
import { describePlan } from '../../../src/runtime/cli/describe.ts';
import { branching } from './fixtures.ts';

const described = { pipeline: branching, plan: planOf(branching.build(paramValues(branching))), group: 'g' };

describe('a described plan', () => {
  it('shows branches and merges as text, each step once', () => {
    const text = describePlan(described, 'text');
    const steps = text.split('\n').map((line) => line.replace(/^[│├└─ ]+/, '').split('  [')[0]);
    for (const { id } of described.plan.nodes) expect(steps.filter((step) => step === id)).toHaveLength(1);
    expect(text).toMatchInlineSnapshot(`
      "branching: for tests
      group g, version 1

      kafka(in)  [reads topic in]
      │ decodeJson  [can reject: DecodeError]
      │ map  [can reject: CallbackError; a throw is rejected]
      │ watermark(in)  [outOfOrdernessMs 1000; idleAfterMs 5000; maxFutureMs 300000; maxDriftMs 3600000; whenAllIdle stay; can reject: EventTimeError, FutureRecord, CallbackError; a throw is rejected]
      │ toDLQ(dlq)  [takes: all rejections; writes topic dlq]
      ├─ filter  [a throw stops the pipeline]
      │  │ → merge, further below
      ├─ filter#2  [a throw stops the pipeline]
      │  │ merge
      │  │ sinkKafka(out)  [a throw stops the pipeline; writes topic out]
      └─ keyBy
         │ tumblingWindow(per-name)  [sizeMs 60000; graceMs 0; aggregate n:count; state 'per-name'; can reject: LateRecord; a throw stops the pipeline]
         │ lateTo(too-late)  [takes: LateRecord; writes topic too-late]
         │ sinkJsonl(output/a.jsonl)  [a throw stops the pipeline]

      reads   in (created with 3 partitions where missing)
      writes  dlq (created with 3 partitions where missing)
      writes  out (created with 3 partitions where missing)
      writes  too-late (created with 3 partitions where missing)"
    `);
  });

  it('is a mermaid flowchart', () => {
    expect(describePlan(described, 'mermaid')).toMatchInlineSnapshot(`
      "flowchart TD
        t0[("in")]
        t1[("dlq")]
        t2[("out")]
        t3[("too-late")]
        n0(["kafka(in)"])
        n1["decodeJson"]
        n2["map"]
        n3["watermark(in)"]
        n4["toDLQ(dlq)"]
        n5["filter"]
        n6["filter#2"]
        n7["merge"]
        n8(["sinkKafka(out)"])
        n9["keyBy"]
        n10["tumblingWindow(per-name)"]
        n11["lateTo(too-late)"]
        n12(["sinkJsonl(output/a.jsonl)"])
        t0 --> n0
        n0 --> n1
        n1 --> n2
        n2 --> n3
        n3 --> n4
        n4 -. rejected .-> t1
        n4 --> n5
        n4 --> n6
        n5 --> n7
        n6 --> n7
        n7 --> n8
        n8 --> t2
        n4 --> n9
        n9 --> n10
        n10 --> n11
        n11 -. rejected .-> t3
        n11 --> n12"
    `);
  });

  it('is complete as JSON', () => {
    const json = JSON.parse(describePlan(described, 'json')) as { nodes: { id: string }[] };
    expect(json).toMatchObject({ pipeline: 'branching', group: 'g', version: 1, edges: described.plan.edges });
    expect(json.nodes.find(({ id }) => id === 'map')).toMatchObject({
      adds: ['CallbackError'],
      throw: 'is rejected',
      takes: 'none',
    });
    expect(json.nodes.find(({ id }) => id === 'tumblingWindow(per-name)')).toMatchObject({
      stateful: true,
      throw: 'stops the pipeline',
    });
    expect(json.nodes.find(({ id }) => id === 'toDLQ(dlq)')).toMatchObject({
      takes: 'all',
      topics: [{ topic: 'dlq' }],
    });
  });
});
