/** The least heap with which an engine keeps its speed on the orders job, and what its processes then take in all. */
import { leastThat } from './least.ts';
import { beginning, median, type Run, whole } from './measure.ts';
import type { OrdersOptions } from './orders.ts';
import { type Engine, runEngine } from './orders-engine.ts';
import { flink, kafkaStreams, millrace } from './orders-peers.ts';
import { openStage, type Stage } from './orders-stage.ts';
import { ProgramEnded } from './process-tree.ts';

/** What is tried, in MiB, each a third to a half more than the one before it … */
const HEAPS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024];
/** … against as much as nobody needs. */
const PLENTY_MIB = 2_048;
const KEPT_SHARE = 0.95;
/** Whoever takes longer than so many times a run with plenty does not keep its speed. */
const PATIENCE = 3;
/** Of which each takes some seconds. */
const RECORDS = { millrace: 2_000_000, others: 500_000 };

export interface MemoryStep {
  readonly heapMiB: number;
  /** In turn with as many runs with plenty; cut short by one that failed. */
  readonly runs: readonly Run[];
  readonly withPlenty: readonly Run[];
  /** Of the speed with plenty; undefined: a run failed, for want of memory or of time. */
  readonly keptShare: number | undefined;
}

export interface MemoryNeed {
  readonly name: string;
  readonly records: number;
  /** The least of those tried that keeps the speed; with less, or with little enough that it fails, it is slower. */
  readonly heapMiB: number;
  /** Medians of the runs with that heap. */
  readonly peakMiB: number;
  readonly recordsPerSecond: number;
  readonly withPlenty: { readonly peakMiB: number; readonly recordsPerSecond: number };
  /** In the order in which they were tried. */
  readonly steps: readonly MemoryStep[];
}

/** Engines without a heap of their own to limit, as those on Python, have no part in it. */
export async function benchOrdersMemory({ runs, records, only = '' }: OrdersOptions): Promise<MemoryNeed[]> {
  const engines = beginning(only, [millrace('exactly-once'), kafkaStreams(), flink()]);
  const needs: MemoryNeed[] = [];
  for (const engine of engines) {
    const enough = engine.maker === 'millrace' ? RECORDS.millrace : RECORDS.others;
    const search = await MemorySearch.open(engine, runs, records ?? enough);
    try {
      needs.push(await search.need());
    } finally {
      await search.close();
    }
  }
  printNeeds(needs, runs);
  return needs;
}

class MemorySearch {
  private readonly engine: Engine;
  private readonly rounds: number;
  private readonly records: number;
  private readonly steps: MemoryStep[] = [];
  private stage: Stage;

  static async open(engine: Engine, rounds: number, records: number): Promise<MemorySearch> {
    return new MemorySearch(engine, rounds, records, await openStage(records));
  }

  private constructor(engine: Engine, rounds: number, records: number, stage: Stage) {
    this.engine = engine;
    this.rounds = rounds;
    this.records = records;
    this.stage = stage;
  }

  async need(): Promise<MemoryNeed> {
    const { engine, steps } = this;
    const heapMiB = await leastThat(HEAPS, (heap) => this.keepsSpeed(heap));
    const found = steps.find((step) => step.heapMiB === heapMiB);
    if (found === undefined) throw new Error(`${engine.name} needs more than ${HEAPS.at(-1)} MiB of heap`);
    const withPlenty = medians(steps.flatMap((step) => step.withPlenty));
    return {
      name: engine.name,
      records: this.records,
      heapMiB: found.heapMiB,
      ...medians(found.runs),
      withPlenty,
      steps,
    };
  }

  close(): Promise<void> {
    return this.stage.stop();
  }

  private async keepsSpeed(heapMiB: number): Promise<boolean> {
    const { engine, rounds, steps } = this;
    const runs: Run[] = [];
    const withPlenty: Run[] = [];
    while (runs.length < rounds) {
      const began = process.hrtime.bigint();
      withPlenty.push(await runEngine(this.stage, engine, { heapMiB: PLENTY_MIB }));
      const took = Number(process.hrtime.bigint() - began) / 1e6;
      const run = await this.attempt(heapMiB, took * PATIENCE);
      if (run === undefined) break;
      runs.push(run);
    }
    const failed = runs.length < rounds;
    const keptShare = failed ? undefined : medians(runs).recordsPerSecond / medians(withPlenty).recordsPerSecond;
    steps.push({ heapMiB, runs, withPlenty, keptShare });
    const kept = keptShare === undefined ? 'fails' : `${(keptShare * 100).toFixed(1)} % of its speed`;
    process.stderr.write(`  ${engine.name}, ${heapMiB} MiB of heap: ${kept}\n`);
    return keptShare !== undefined && keptShare >= KEPT_SHARE;
  }

  /** Undefined: it ended. Other results than it should come to are no want of memory. What it leaves behind, as a transaction that nobody ends, is left behind with its broker. */
  private async attempt(heapMiB: number, limitMs: number): Promise<Run | undefined> {
    try {
      return await runEngine(this.stage, this.engine, { heapMiB, limitMs });
    } catch (thrown) {
      if (!(thrown instanceof ProgramEnded)) throw thrown;
      await this.stage.stop();
      this.stage = await openStage(this.records);
      return undefined;
    }
  }
}

function medians(runs: readonly Run[]): { recordsPerSecond: number; peakMiB: number } {
  return {
    recordsPerSecond: median(runs.map(({ recordsPerSecond }) => recordsPerSecond)),
    peakMiB: median(runs.map(({ peakMiB }) => peakMiB)),
  };
}

function printNeeds(needs: readonly MemoryNeed[], runs: number): void {
  const kept = `${KEPT_SHARE * 100} % of its speed`;
  console.log(`\norders, least heap with ${kept}: medians of ${runs} runs`);
  console.log(
    '| | orders | heap MiB | peak MiB in all | orders/s | with plenty: peak MiB | orders/s |\n|---|---|---|---|---|---|---|',
  );
  for (const { name, records, heapMiB, peakMiB, recordsPerSecond, withPlenty } of needs) {
    const figures = [records, heapMiB, peakMiB, recordsPerSecond, withPlenty.peakMiB, withPlenty.recordsPerSecond];
    console.log(`| ${[name, ...figures.map(whole)].join(' | ')} |`);
  }
}
