/** What the growth bench lets grow: one axis at a time, the others at rest. */
import type { Run } from './measure.ts';

/** A job: the orders job with everything about it that can grow. */
export interface GrowthJob {
  readonly log: 'embedded' | 'kafka';
  readonly records: number;
  readonly partitions: number;
  /** Keys that follow each other in turn. */
  readonly keys: number;
  /** Of the value of a record. */
  readonly recordBytes: number;
  /** Stateless steps, a map and a filter in turn, besides those of the job itself. */
  readonly steps: number;
  readonly windowMs: number;
  /** How far an order may be behind its place in event time: as many windows are open at a time. */
  readonly reachMs: number;
}

export interface Axis {
  readonly name: string;
  /** Of the picture. */
  readonly title: string;
  /** Below the picture's x axis. */
  readonly label: string;
  /** In rising order. */
  readonly points: readonly number[];
  /** Whether the picture shows MB/s as well: where records grow, it is bytes that stay the same. */
  readonly showsBytes: boolean;
  jobAt(point: number): Partial<GrowthJob>;
}

/** What was measured at a point of an axis. */
export interface GrowthPoint {
  readonly at: number;
  readonly recordBytes: number;
  readonly runs: readonly Run[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const SECOND_MS = 1_000;
/** Of one topic, where records are large. */
const MAX_TOPIC_BYTES = 400e6;
/** Each key comes up once at least. */
const MOST_KEYS = 1_000_000;

export const AT_REST: GrowthJob = {
  log: 'embedded',
  records: 500_000,
  partitions: 3,
  keys: 5,
  recordBytes: 200,
  steps: 0,
  windowMs: MINUTE_MS,
  reachMs: 2_000,
};

export const AXES: readonly Axis[] = [
  {
    name: 'partitions',
    title: 'Partitions of the topic that is read, on Kafka',
    label: 'partitions',
    points: [1, 2, 3, 6, 12],
    showsBytes: false,
    jobAt: (partitions) => ({ log: 'kafka', partitions }),
  },
  {
    name: 'keys',
    title: 'Keys with state',
    label: 'keys in one open window',
    points: [1, 100, 10_000, 100_000, MOST_KEYS],
    showsBytes: false,
    jobAt: (keys) => ({ keys, records: MOST_KEYS, windowMs: HOUR_MS }),
  },
  {
    name: 'size',
    title: 'Size of a record',
    label: 'bytes of a record',
    points: [100, 1_000, 10_000, 100_000],
    showsBytes: true,
    jobAt: (recordBytes) => ({ recordBytes, records: Math.min(AT_REST.records, MAX_TOPIC_BYTES / recordBytes) }),
  },
  {
    name: 'operators',
    title: 'Stateless operators besides those of the job',
    label: 'operators',
    points: [1, 2, 5, 10, 20],
    showsBytes: false,
    jobAt: (steps) => ({ steps }),
  },
  {
    name: 'windows',
    title: 'Open windows of a key',
    label: 'open windows a key, 5 keys',
    points: [1, 10, 100, 1_000],
    showsBytes: false,
    jobAt: (open) => ({ windowMs: SECOND_MS, reachMs: open * SECOND_MS }),
  },
];
