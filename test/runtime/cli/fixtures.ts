import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { kafka, merge, pipeline } from 'millrace';
import {
  count,
  decodeJson,
  filter,
  keyBy,
  lateTo,
  map,
  sinkJsonl,
  sinkKafka,
  toDLQ,
  tumblingWindow,
  watermark,
} from 'millrace/operators';
import type { Pipeline } from '../../../src/core/pipeline.ts';
import type { Generator } from '../../../src/runtime/generator.ts';
import { emptyCounts, type NodeCounts } from '../../../src/core/ledger.ts';
import type { NodeStatus, RunStatus } from '../../../src/runtime/run-options.ts';
import type { StopReason, World } from '../../../src/runtime/cli/world.ts';
import { ManualClock } from '../../../src/testing/manual-clock.ts';

const rows = kafka('in').pipe(
  decodeJson(),
  map((value) => value as { readonly at: number; readonly name: string }),
  watermark({ eventTime: (row) => row.at, outOfOrdernessMs: 1_000 }),
  toDLQ('dlq'),
);

/** Branches, merges and has a window. */
export const branching: Pipeline = pipeline(
  'branching',
  {
    group: 'g',
    description: 'for tests',
    params: {
      outFile: { default: 'output/a.jsonl', description: 'where to' },
      fast: { default: false, description: 'faster' },
      quiet: { default: true, description: 'say little' },
      size: { default: 5, description: 'how many' },
      rollMs: { default: 100, min: 0, description: 'how often' },
    },
  },
  ({ outFile }) => {
    const odd = rows.pipe(filter((row) => row.at % 2 === 1));
    const even = rows.pipe(filter((row) => row.at % 2 === 0));
    const windows = rows.pipe(
      keyBy((row) => row.name),
      tumblingWindow('per-name', { sizeMs: 60_000, graceMs: 0, aggregate: { n: count() } }),
      lateTo('too-late'),
    );
    return [merge(odd, even).pipe(sinkKafka('out')), windows.pipe(sinkJsonl(outFile))];
  },
);

export const generator: Generator = {
  topic: 'in',
  partitions: 3,
  rate: 10,
  backfillMs: 60_000,
  badRatio: 0,
  description: 'numbers',
  record: ({ index, time, seed, random }) => ({
    key: `k${index}`,
    value: JSON.stringify({ index, time, seed, chance: random() }),
  }),
};

export interface FakeWorld extends World {
  readonly out: string[];
  readonly err: string[];
  readonly exits: number[];
  stop(reason: StopReason): void;
}

export function fakeWorld(argv: readonly string[], given: Partial<World> = {}): FakeWorld {
  const out: string[] = [];
  const err: string[] = [];
  const exits: number[] = [];
  const listeners = new Set<(reason: StopReason) => void>();
  return {
    home: resolve(import.meta.dirname, '../../..'),
    version: '1.2.3',
    importFile: (file) => import(pathToFileURL(file).href),
    argv,
    env: {},
    cwd: process.cwd(),
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    clock: new ManualClock(Date.UTC(2024, 1, 29, 12)),
    onStop: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exit: (code) => void exits.push(code),
    every: () => () => {},
    ...given,
    out,
    err,
    exits,
    stop: (reason) => listeners.forEach((listener) => listener(reason)),
  };
}

export function nodeStatus(id: string, counts: Partial<NodeCounts>, more: Partial<NodeStatus> = {}): NodeStatus {
  const plain = {
    kind: id,
    role: 'operator',
    inputs: [],
    watermark: undefined,
    openWindows: undefined,
    stateEntries: undefined,
  } as const;
  return { id, ...plain, counts: { ...emptyCounts(), ...counts }, ...more };
}

const NOON = Date.UTC(2024, 1, 29, 12);

export function runStatus(more: Partial<RunStatus> = {}): RunStatus {
  const origin = { source: 'kafka(in)', topic: 'in', partition: 1 };
  return {
    pipeline: 'p',
    group: 'g',
    mode: 'live',
    delivery: 'exactly-once',
    log: 'embedded log',
    state: 'running',
    waitingFor: undefined,
    startedAt: NOON - 10_000,
    now: NOON,
    nodes: [
      nodeStatus('kafka(in)', { in: 1_200, passed: 1_200, emitted: 1_200 }, { role: 'source' }),
      nodeStatus(
        'validate',
        { in: 1_200, passed: 1_190, rejected: 10, emitted: 1_190, carriedOut: 10 },
        { inputs: ['kafka(in)'] },
      ),
      nodeStatus(
        'watermark',
        { in: 1_190, passed: 1_190, emitted: 1_190, carriedIn: 10, carriedOut: 10 },
        { inputs: ['validate'], watermark: { time: NOON - 5_000, heldBackBy: origin } },
      ),
      nodeStatus(
        'toDLQ(dlq)',
        { in: 1_190, passed: 1_190, emitted: 1_190, carriedIn: 10, taken: 10 },
        { inputs: ['watermark'] },
      ),
      nodeStatus('sinkKafka(out)', { in: 1_190, passed: 1_190 }, { role: 'sink', inputs: ['toDLQ(dlq)'] }),
    ],
    partitions: [0, 1].map((partition) => ({
      source: 'kafka(in)',
      topic: 'in',
      partition,
      position: 600,
      end: 600 + partition * 7,
      lag: partition * 7,
      lost: 0,
      paused: false,
    })),
    rejected: 10,
    late: 0,
    lost: 0,
    lastCheckpoint: { epoch: 42, at: NOON - 300, durationMs: 4 },
    creditUsed: 2_048,
    creditLimit: 67_108_864,
    ...more,
  };
}
