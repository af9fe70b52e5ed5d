/**
 * Latency of the orders job, exactly once, at a steady rate: from the moment when an order is due to be appended until a reader of
 * committed records sees what became of it. Writer, program and reader are processes of their own on one machine. As an order
 * is due whether those before it have been answered or not, one that is held up counts with all that comes to wait behind it.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Admin } from '@platformatic/kafka';
import { type RunningBroker } from '../scripts/kafka/broker.ts';
import { onClientCore, startBenchBroker } from './child.ts';
import { EMBEDDED } from './latency-log.ts';
import type { Written } from './latency-write.ts';
import { beginning, median, mediansOf, whole } from './measure.ts';
import { emptyTotals, generateOrders } from './orders-data.ts';
import { setUpJava } from './peers/java/setup.ts';
import { measureProgram } from './process-tree.ts';
import { createTopics, FORGET_SOON } from './topics.ts';

/** One run of one program at one rate. */
export interface LatencyRun {
  /** Orders that count. */
  readonly orders: number;
  /** Milliseconds, and so are the others. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly greatest: number;
  /** Of the program alone, in percent of a core. */
  readonly cpu: number;
  readonly peakMiB: number;
  /** The longest time that an order was kept waiting by the writer; part of its latency. */
  readonly writerMs: number;
}

export interface LatencyMeasurement {
  readonly name: string;
  /** Orders a second. */
  readonly rate: number;
  readonly runs: readonly LatencyRun[];
}

interface Contender {
  readonly name: string;
  readonly isOnKafka: boolean;
  command(place: Place, orders: Orders): readonly (string | number)[];
}

interface Place {
  /** `host:port`, or EMBEDDED. */
  readonly address: string;
  readonly folder: string;
}

interface Orders {
  readonly rate: number;
  readonly total: number;
  readonly valid: number;
  /** The numbers of those that count: valid ones between warm-up and tail. */
  readonly counted: readonly number[];
}

/** From the first result on; its compiler comes to rest. A second of it is there when the program starts. */
const WARM_UP_S = 10;
/** Programs that end commit what they have: nobody waits for these orders. */
const TAIL_S = 1;
const TOPICS = ['orders', 'processed-orders', 'orders-dlq', 'orders-late', 'product-metrics'];
const ROOT = join(import.meta.dirname, '..');

export async function benchLatency({
  runs,
  rates = [1_000, 10_000],
  seconds = 20,
  only = '',
}: {
  runs: number;
  rates?: readonly number[] | undefined;
  seconds?: number | undefined;
  only?: string | undefined;
}): Promise<LatencyMeasurement[]> {
  const contenders = beginning(only, allContenders());
  const needsKafka = contenders.some(({ isOnKafka }) => isOnKafka);
  const broker = needsKafka ? await startBenchBroker({ properties: FORGET_SOON.broker }) : undefined;
  const measurements = rates.flatMap((rate) =>
    contenders.map(({ name }) => ({ name, rate, runs: [] as LatencyRun[] })),
  );
  try {
    for (let round = 0; round < runs; round++) {
      for (const measurement of measurements) {
        const { name, rate } = measurement;
        const contender = contenders.find((each) => each.name === name)!;
        const one = await measure(contender, ordersAt(rate, seconds), broker);
        measurement.runs.push(one);
        const shown = `p50 ${one.p50.toFixed(0)}  p99 ${one.p99.toFixed(0)} ms`;
        process.stderr.write(`  ${round + 1}/${runs} ${name.padEnd(40)}${whole(rate).padStart(7)}/s  ${shown}\n`);
      }
    }
  } finally {
    await broker?.stop();
  }
  return measurements;
}

function allContenders(): Contender[] {
  const script = [process.execPath, '--import', 'tsx', join(ROOT, 'bench/latency-run.ts')];
  const pipeline = ({ address, folder }: Place, { total }: Orders) => [...script, address, folder, total];
  let streams: readonly string[] | undefined;
  return [
    { name: 'millrace, Kafka', isOnKafka: true, command: pipeline },
    {
      name: 'Kafka Streams 4.1, exactly_once_v2',
      isOnKafka: true,
      command({ address, folder }, { valid }) {
        streams ??= setUpJava('kafka-streams', 'OrdersStreams');
        // The folder's name is no other run's.
        return [...streams, address, folder.replaceAll('/', '-').slice(1), folder, valid];
      },
    },
    { name: 'millrace, embedded log', isOnKafka: false, command: pipeline },
  ];
}

function ordersAt(rate: number, seconds: number): Orders {
  const first = rate * WARM_UP_S;
  const behind = first + rate * seconds;
  const total = behind + rate * TAIL_S;
  const totals = emptyTotals();
  const counted: number[] = [];
  let number = 0;
  let valid = 0;
  for (const _ of generateOrders(total, 0, totals)) {
    if (totals.valid > valid && number >= first && number < behind) counted.push(number);
    valid = totals.valid;
    number++;
  }
  return { rate, total, valid, counted };
}

async function measure(contender: Contender, orders: Orders, broker: RunningBroker | undefined): Promise<LatencyRun> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-latency-'));
  const address = contender.isOnKafka ? broker!.bootstrap : EMBEDDED;
  const { rate, total, valid } = orders;
  try {
    if (contender.isOnKafka) await emptyTopics(address);
    const reader = startScript('latency-read.ts', [address, folder, total, valid]);
    const writer = startScript('latency-write.ts', [address, folder, rate, total]);
    void reader.firstLine.then(() => writer.goOn());
    const words = contender.command({ address, folder }, orders).map(String);
    const [used, told] = await Promise.all([measureProgram(onClientCore(words)), writer.lastLine, reader.lastLine]);
    const written = JSON.parse(told) as Written;
    return {
      ...figuresOf(seenTimes(folder), orders, written),
      cpu: (used.cpuSeconds / used.seconds) * 100,
      peakMiB: used.peakMiB,
      writerMs: written.latestMs,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function seenTimes(folder: string): Float64Array {
  const bytes = Uint8Array.from(readFileSync(join(folder, 'seen')));
  return new Float64Array(bytes.buffer);
}

function figuresOf(
  seenAt: Float64Array,
  { rate, counted }: Orders,
  { startMs }: Written,
): Pick<LatencyRun, 'orders' | 'p50' | 'p99' | 'p999' | 'greatest'> {
  if (counted.some((order) => seenAt[order] === 0)) throw new Error('an order was seen that is not valid');
  const waits = Float64Array.from(counted, (order) => seenAt[order] - (startMs + (order * 1_000) / rate)).sort();
  const at = (share: number): number => waits[Math.ceil(waits.length * share) - 1];
  return { orders: waits.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), greatest: at(1) };
}

/** Orders of the run before are of no use to anybody. */
async function emptyTopics(address: string): Promise<void> {
  const admin = new Admin({ clientId: 'bench-latency', bootstrapBrokers: [address] });
  const there = await admin.listTopics();
  const old = TOPICS.filter((topic) => there.includes(topic));
  if (old.length > 0) await admin.deleteTopics({ topics: old });
  await admin.close();
  await createTopics(address, TOPICS, FORGET_SOON.topic);
}

interface Script {
  readonly firstLine: Promise<void>;
  /** When it has ended. */
  readonly lastLine: Promise<string>;
  /** Sends it a line. */
  goOn(): void;
}

/** A process beside the one that is measured, on whichever core has time. */
function startScript(script: string, args: readonly (string | number)[]): Script {
  const child = spawn(process.execPath, ['--import', 'tsx', join('bench', script), ...args.map(String)], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const endChild = (): void => void child.kill('SIGKILL');
  process.on('exit', endChild);
  const lines = createInterface({ input: child.stdout });
  let last = '';
  const lastLine = new Promise<string>((done, fail) => {
    lines.on('line', (line) => (last = line));
    child.on('error', fail);
    child.on('close', (code) => {
      process.off('exit', endChild);
      if (code === 0) done(last);
      else fail(new Error(`${script} ended with ${code}`));
    });
  });
  const firstLine = new Promise<void>((done) => lines.once('line', () => done()));
  return { firstLine, lastLine, goOn: () => void child.stdin.end('\n') };
}

/** Medians over the runs. */
export function printLatency(measurements: readonly LatencyMeasurement[]): void {
  const rounds = measurements[0].runs.length;
  console.log(
    `\nlatency: from due to be appended to seen, exactly once, ms; ${mediansOf(rounds)}, Node ${process.version}`,
  );
  console.log('| | orders/s | p50 | p99 | p99.9 | greatest | % of a core | peak MiB |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const { name, rate, runs } of measurements) {
    const of = (field: keyof LatencyRun): string => whole(median(runs.map((run) => run[field])));
    const figures = (['p50', 'p99', 'p999', 'greatest', 'cpu', 'peakMiB'] as const).map(of);
    console.log(`| ${[name, whole(rate), ...figures].join(' | ')} |`);
  }
}
