/** The engines that the orders pipeline is measured beside, and the pipeline itself as one of them. */
import { join } from 'node:path';
import type { Delivery } from '../src/runtime/run-options.ts';
import { JITTER_MS } from './orders-data.ts';
import type { Engine, Job } from './orders-engine.ts';
import { setUpJava } from './peers/java/setup.ts';
import { setUpPython } from './peers/python/setup.ts';

/** As in the programs of the engines that have one. */
const STREAMS_GRACE_MS = 300_000;
const QUIX_GRACE_MS = 60_000;
/** Flink has no default; a second is what its guides begin with. */
const FLINK_CHECKPOINT_MS = 1_000;
/** The share of the heap that a semi-space of the young generation takes at the most, and its bounds. */
const SEMI_SPACE_SHARE = 1 / 16;
const SEMI_SPACE_MIB = { least: 1, most: 16 };

const BYTEWAX = ['bytewax==0.21.1', 'confluent-kafka~=2.12', 'orjson~=3.13'];
const QUIX = ['quixstreams==3.28.1'];

export function millrace(delivery: Delivery, driver: 'fast' | 'kafkajs' = 'fast'): Engine {
  return {
    name: driver === 'fast' ? 'millrace' : 'millrace through kafkajs',
    maker: 'millrace',
    delivery,
    shuffle: () => 'none: one task',
    command: ({ brokers, input, group, folder, heapMiB }) => {
      const program = ['--import', 'tsx', join(import.meta.dirname, 'orders-run.ts')];
      const job = [driver, brokers, folder, group, input.records, delivery];
      return [process.execPath, ...(heapMiB === undefined ? [] : nodeHeap(heapMiB)), ...program, ...job];
    },
  };
}

/** A young generation is three times a semi-space: what is left of the heap is the old one's. */
function nodeHeap(heapMiB: number): string[] {
  const half = 2 ** Math.floor(Math.log2(heapMiB * SEMI_SPACE_SHARE));
  const semi = Math.min(SEMI_SPACE_MIB.most, Math.max(SEMI_SPACE_MIB.least, half));
  return [`--max-semi-space-size=${semi}`, `--max-old-space-size=${heapMiB - 3 * semi}`];
}

export function kafkaStreams(): Engine {
  return {
    name: 'Kafka Streams 4.1',
    maker: 'java',
    delivery: 'exactly-once',
    shuffle: throughTopic,
    leavesOpenMs: STREAMS_GRACE_MS + JITTER_MS,
    dropsLate: true,
    command: ({ brokers, input, isKeyed, group, folder, heapMiB }) => {
      const job = [brokers, group, folder, input.expected.valid, keysOf(isKeyed)];
      return [...setUpJava('kafka-streams', 'OrdersStreams', heapMiB), ...job];
    },
  };
}

export function flink(): Engine {
  return {
    name: 'Flink 1.20, heap state',
    maker: 'java',
    delivery: 'exactly-once',
    shuffle: (isKeyed) => (isKeyed ? 'none: one task' : 'between its tasks'),
    command: ({ brokers, input, isKeyed, group, folder, heapMiB }) => {
      const job = [brokers, group, folder, input.records, FLINK_CHECKPOINT_MS, keysOf(isKeyed)];
      return [...setUpJava('flink', 'OrdersFlink', heapMiB), ...job];
    },
  };
}

export function bytewax(): Engine {
  return {
    name: 'Bytewax 0.21',
    maker: 'python',
    // The most that it has: its sink repeats what came after the snapshot that it goes on from.
    delivery: 'at-least-once',
    shuffle: () => 'none: one worker',
    isSlow: true,
    command: ({ brokers, input, folder }) => {
      return [...python('bytewax', BYTEWAX), brokers, input.topic, folder, input.records];
    },
  };
}

export function quixStreams(): Engine {
  return {
    name: 'Quix Streams 3.28',
    maker: 'python',
    delivery: 'exactly-once',
    shuffle: throughTopic,
    isSlow: true,
    leavesOpenMs: QUIX_GRACE_MS + JITTER_MS,
    dropsLate: true,
    command: ({ brokers, input, isKeyed, group, folder }) => {
      const job = [brokers, input.topic, group, folder, input.expected.valid, keysOf(isKeyed)];
      return [...python('quix', QUIX), ...job];
    },
  };
}

/** `-B`: nothing is written beside the sources. */
function python(peer: 'bytewax' | 'quix', packages: readonly string[]): string[] {
  const name = packages[0].replace('==', '-');
  return [setUpPython(name, packages), '-B', join(import.meta.dirname, 'peers', peer, `orders_${peer}.py`)];
}

/** A repartition topic: what is written to it counts among the broker's work, too. */
function throughTopic(isKeyed: boolean): string {
  return isKeyed ? 'none: keyed' : 'through a topic';
}

function keysOf(isKeyed: Job['isKeyed']): string {
  return isKeyed ? 'by-product' : 'by-order';
}
