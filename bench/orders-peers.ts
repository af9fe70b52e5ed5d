/** The orders job on engines that run on Java, exactly once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Delivery } from '../src/runtime/run-options.ts';
import { onClientCore } from './child.ts';
import type { Contender, Run } from './measure.ts';
import { JITTER_MS, type Totals } from './orders-data.ts';
import { setUpJava } from './peers/java/setup.ts';
import { measureProgram } from './process-tree.ts';

export interface Program extends Contender {
  readonly delivery: Delivery;
  /** Leaves windows open that no order has closed which is so much later than their end. */
  readonly leavesOpenMs?: number;
  /** Has no side output for late orders. */
  readonly dropsLate?: boolean;
}

/** What its program counts before it says `begin`. */
const MEASURED_SHARE = 0.8;
/** As in its program. */
const STREAMS_GRACE_MS = 60_000;
/** Flink has no default; a second is what its guides begin with. */
const FLINK_CHECKPOINT_MS = 1_000;

export function orderPeers(brokers: string, records: number, expected: Totals): Program[] {
  const streams = setUpJava('kafka-streams', 'OrdersStreams');
  const flink = setUpJava('flink', 'OrdersFlink');
  const inFolder =
    (command: (group: string, folder: string) => readonly (string | number)[], prefix: string) =>
    async (round: number): Promise<Run> => {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
      try {
        const words = command(`${prefix}-${round}`, folder).map(String);
        const { seconds, cpuSeconds, peakMiB } = await measureProgram(onClientCore(words));
        const measured = records * MEASURED_SHARE;
        return { recordsPerSecond: measured / seconds, cpuMicros: (cpuSeconds * 1e6) / measured, peakMiB };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    };
  return [
    {
      name: 'Kafka Streams 4.1, exactly_once_v2',
      maker: 'java',
      delivery: 'exactly-once',
      leavesOpenMs: STREAMS_GRACE_MS + JITTER_MS,
      dropsLate: true,
      run: inFolder((group, folder) => [...streams, brokers, group, folder, expected.valid], 'streams'),
    },
    {
      name: 'Flink 1.20, exactly once, state on the heap',
      maker: 'java',
      delivery: 'exactly-once',
      run: inFolder((group, folder) => [...flink, brokers, group, folder, records, FLINK_CHECKPOINT_MS], 'flink'),
    },
  ];
}
