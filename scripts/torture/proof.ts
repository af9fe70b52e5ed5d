/** What tells whether the outputs of a pipeline are right: after each kill as far as they go, and at the end as a whole. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import type { LogClient } from '../../src/log/log-client.ts';
import { taskIdOf } from '../../src/runtime/task-id.ts';
import type { StateStore } from '../../src/state/state-store.ts';
import { type LayerReport, lakehousePython } from '../lakehouse/python.ts';
import { type Comparison, compareOrders, filesAhead, readTopic } from './compare.ts';

export interface Proof {
  /** What a reader of the outputs sees now that must not be: more than was decided, something twice, half a file. */
  wrongNow(): Promise<string | undefined>;
  /** Every output against the computation; `written`: how many records were put in. */
  compare(written: number): Promise<Comparison>;
  close(): void;
}

export interface ProofParts {
  readonly log: LogClient;
  /** Of the pipeline's state directory. */
  readonly store: StateStore;
  readonly folder: string;
}

export function proofOfOrders({ log, folder }: ProofParts): Proof {
  return {
    wrongNow: () => filesAhead(log, folder),
    compare: (written) => compareOrders(log, folder, written),
    close: () => {},
  };
}

const TOPIC = 'transactions';
const OUTPUT = 'data/output/parquet';
/** The first ones say what is wrong. */
const MAX_TOLD = 5;

interface Look {
  readonly rows: Readonly<Record<string, number>>;
  /** By partition: one behind the last offset that bronze shows. */
  readonly bronzeEnds: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** A process of its own reads every file as soon as it appears, with pyarrow, and computes the layers in Python. */
export function proofOfTransactions({ log, store, folder }: ProofParts): Proof {
  const { python } = lakehousePython();
  const script = join(import.meta.dirname, '../lakehouse/watch.py');
  const watcher = spawn(python, ['-B', script, join(folder, OUTPUT)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: watcher.stdout })[Symbol.asyncIterator]();
  const ask = async (question: object): Promise<unknown> => {
    watcher.stdin.write(`${JSON.stringify(question)}\n`);
    const { value } = (await answers.next()) as { value: string | undefined };
    if (value === undefined) throw new Error('the process that watches the folders has ended');
    return JSON.parse(value);
  };
  const checkpoints = new CheckpointStore(store, taskIdOf(TOPIC, log.kind, TOPIC));
  return {
    async wrongNow() {
      const { problems, bronzeEnds } = (await ask({ do: 'look' })) as Look;
      if (problems.length > 0) return problems.slice(0, MAX_TOLD).join('\n');
      const [decided = []] = Object.values(checkpoints.load()?.offsets ?? {});
      for (const [partition, end] of Object.entries(bronzeEnds)) {
        const next = decided[Number(partition)] ?? 0;
        if (end > next)
          return `bronze shows offset ${end - 1} of partition ${partition}, and ${next} is the next one to read`;
      }
      return undefined;
    },
    async compare(written) {
      const dump = join(folder, 'input.jsonl');
      const records = await dumpTopic(log, TOPIC, dump);
      const report = (await ask({ do: 'compare', dump })) as LayerReport;
      if (records === written) return report;
      const difference = `the topic has ${records} records, ${written} were written`;
      return { lines: report.lines, differences: [difference, ...report.differences] };
    },
    close: () => watcher.kill(),
  };
}

/** Writes all records of a topic into a file, as scripts/lakehouse reads them; returns how many there are. */
export async function dumpTopic(log: LogClient, topic: string, path: string): Promise<number> {
  const records = await readTopic(log, topic);
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('base64'));
  const lines = records.map(({ partition, offset, timestamp, key, value }) =>
    JSON.stringify({ topic, partition, offset, timestamp, key: text(key), value: text(value) }),
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  return records.length;
}
