/** What a record of the orders job costs, step by step, beside what is possible. */
import { systemClock } from '../src/time/clock.ts';
import { runScript, startBenchBroker } from './child.ts';
import { median } from './measure.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { createTopics, fill, FORGET_SOON } from './topics.ts';

export interface BudgetLine {
  readonly step: string;
  /** Microseconds of CPU a record, a median. */
  readonly micros: number;
  /** As prototypes were measured, with what. */
  readonly possible: string;
}

/** A checkpoint's cost falls on the records of so long a time. */
const CHECKPOINT_MICROS = 200_000;
const MEASURED = ['fetch', 'decode', 'parse', 'validate', 'operators', 'serialise', 'encode', 'produce'] as const;

type Costs = Readonly<Record<(typeof MEASURED)[number] | 'checkpoint', number>>;

export async function benchBudget({
  runs,
  records = 400_000,
}: {
  runs: number;
  records?: number | undefined;
}): Promise<BudgetLine[]> {
  const broker = await startBenchBroker({ properties: FORGET_SOON.broker });
  const { bootstrap } = broker;
  try {
    await createTopics(bootstrap, ['orders']);
    await createTopics(bootstrap, ['processed-orders'], FORGET_SOON.topic);
    await fill(bootstrap, 'orders', generateOrders(records, systemClock.now() - records, emptyTotals()));
    const found = new Map<string, number[]>();
    const note = (step: string, micros: number) => found.set(step, [...(found.get(step) ?? []), micros]);
    for (let round = 0; round < runs; round++) {
      for (const step of MEASURED)
        note(step, await runScript<number>('budget-run.ts', [step, records, bootstrap, 'orders']));
      process.stderr.write(`  ${round + 1}/${runs}\n`);
    }
    note('checkpoint', await runScript<number>('checkpoint-run.ts', [bootstrap]));
    return linesOf(Object.fromEntries([...found].map(([step, micros]) => [step, median(micros)])) as Costs);
  } finally {
    await broker.stop();
  }
}

/** Fetching is measured with decoding, and producing with encoding: here they are told apart. */
function linesOf(costs: Costs): BudgetLine[] {
  const { fetch, decode, parse, validate, operators, serialise, encode, produce, checkpoint } = costs;
  const perRecord = fetch + parse + validate + operators + serialise + produce;
  return [
    {
      step: 'fetch',
      micros: Math.max(0, fetch - decode),
      possible: '0.19 with decode: flat decoder over raw connections',
    },
    { step: 'decode', micros: decode, possible: 'in the line above' },
    { step: 'parse', micros: parse, possible: '0.47 scanner compiled from the schema; 1.04 text and JSON.parse' },
    {
      step: 'validate',
      micros: validate,
      possible: '0.03 arktype; 0.14 zod; nothing of its own in a compiled scanner',
    },
    { step: 'operators', micros: operators, possible: '0.13 by hand; 0.17 chunks over RxJS, validation included' },
    { step: 'serialise', micros: serialise, possible: '0.08 new fields spliced into the bytes; 1.01 JSON.stringify' },
    { step: 'encode', micros: encode, possible: '0.22 with murmur2 and CRC' },
    { step: 'produce', micros: Math.max(0, produce - encode), possible: '0.8 to 1.1 with encode and building' },
    {
      step: 'checkpoint',
      micros: (checkpoint * perRecord) / CHECKPOINT_MICROS,
      possible: `here ${(checkpoint / 1000).toFixed(1)} ms of CPU every 200 ms; 0.7 ms for the commit alone`,
    },
  ];
}

export function printBudget(lines: readonly BudgetLine[]): void {
  const total = lines.reduce((sum, { micros }) => sum + micros, 0);
  console.log('\nbudget: µs of CPU a record of the orders job, each step alone, medians');
  console.log('| step | µs CPU a record | share | possible (prototypes) |\n|---|---|---|---|');
  for (const { step, micros, possible } of lines) {
    console.log(`| ${step} | ${micros.toFixed(2)} | ${Math.round((100 * micros) / total)} % | ${possible} |`);
  }
  console.log(`| all | ${total.toFixed(2)} | | 2.1 scanner and splicing; 4.6 JSON.parse and JSON.stringify |`);
}
