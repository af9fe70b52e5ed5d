/** A program of the orders job, and one run of it: a process of its own on the client's core, measured from outside, results checked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onClientCore } from './child.ts';
import type { Maker, Run } from './measure.ts';
import { checked, type Outcome } from './orders-check.ts';
import type { OrdersInput, Stage } from './orders-stage.ts';
import { measureProgram } from './process-tree.ts';

export interface Engine extends Outcome {
  readonly maker: Maker;
  /** How the orders of a product come together. */
  shuffle(isKeyed: boolean): string;
  /** Takes the shorter topic. */
  readonly isSlow?: boolean;
  /** The words of the command line. */
  command(job: Job): readonly (string | number)[];
}

export interface Job {
  readonly brokers: string;
  readonly input: OrdersInput;
  /** Whether the key of the orders is the product. */
  readonly isKeyed: boolean;
  /** Of consumers, transactions and the like: new in each run. */
  readonly group: string;
  /** For state, checkpoints and files: empty. */
  readonly folder: string;
  /** Limit of the heap; undefined: as much as the engine has in the other benches. */
  readonly heapMiB: number | undefined;
}

export interface RunLimits {
  readonly heapMiB?: number;
  /** It is ended when it takes longer. */
  readonly limitMs?: number;
}

let groups = 0;

export function inputOf(stage: Stage, engine: Engine): OrdersInput {
  return engine.isSlow === true ? stage.short : stage.full;
}

/** Rejects where it fails, takes too long or comes to other results. */
export async function runEngine(stage: Stage, engine: Engine, { heapMiB, limitMs }: RunLimits = {}): Promise<Run> {
  const { brokers, key } = stage;
  const input = inputOf(stage, engine);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const group = `orders-bench-${++groups}`;
  const words = engine.command({ brokers, input, isKeyed: key === 'product', group, folder, heapMiB });
  try {
    return await checked(brokers, input, engine, async () => {
      const part = await measureProgram(onClientCore(words.map(String)), {}, limitMs);
      const records = input.records * part.share;
      return {
        recordsPerSecond: records / part.seconds,
        cpuMicros: (part.cpuSeconds * 1e6) / records,
        peakMiB: part.peakMiB,
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
