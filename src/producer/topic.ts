/** What a program knows of a topic that it writes to: its name, its key, and what its records carry beside their value. */
import { randomUUID } from 'node:crypto';
import { MillraceError } from '../core/errors.ts';
import type { Header } from '../core/record-batch.ts';
import type { OutgoingRecord } from '../spool/outgoing.ts';

/** By name, or as a list where names repeat. Text is written as UTF-8. */
export type HeadersInput = Readonly<Record<string, string | Uint8Array>> | readonly Header[];

export interface TopicOptions<T> {
  /** Chooses the partition; records of one key keep their order. Without one, records are spread. */
  readonly key?: (value: T) => string | number | Uint8Array | null;
  /** The record's value. Default: the value as JSON. */
  readonly value?: (value: T) => string | Uint8Array | null;
  /** Epoch milliseconds. Default: the time of `send`. A topic with append times keeps its own. */
  readonly timestamp?: (value: T) => number;
  /** What the records are: the header `dataset`, which brings `schema_version`, `ingestion_id` and `producer_services` along. */
  readonly dataset?: string;
  /** Default `v1`. */
  readonly schemaVersion?: string;
  /** Further headers of each record. They go before those that `dataset` brings. */
  readonly headers?: (value: T) => HeadersInput;
  /** Partitions to make the topic with where it is missing. Default 3. */
  readonly partitions?: number;
}

/** A topic with values of type T. */
export interface Topic<T> extends TopicOptions<T> {
  readonly name: string;
  readonly partitions: number;
}

export interface SendOptions {
  /** Of this record. They go before those of the topic: an `ingestion_id` of the caller's own, for example. */
  readonly headers?: HeadersInput;
  /** Epoch milliseconds. */
  readonly timestamp?: number;
}

export interface Sending {
  readonly now: number;
  /** Of `commonHeaders`. */
  readonly common: readonly Header[];
}

const DEFAULT_PARTITIONS = 3;
const DEFAULT_VERSION = 'v1';
/** Where the header stands that is another one for each record. */
const ID_AT = 2;
const NO_HEADERS: readonly Header[] = [];

/**
 * Describes a topic for `producer.send`; nothing is opened or made yet.
 *
 * @throws MillraceError CONFIG_INVALID for a name or a number of partitions that cannot be
 * @example
 * ```ts
 * interface Order {
 *   readonly order_id: string;
 *   readonly amount: number;
 * }
 * const rawOrders = topicOf<Order>('streamlake.orders.raw', { key: (order) => order.order_id, dataset: 'orders' });
 * ```
 */
export function topicOf<T>(name: string, options: TopicOptions<T> = {}): Topic<T> {
  const { partitions = DEFAULT_PARTITIONS } = options;
  if (name.trim() === '') throw new MillraceError('CONFIG_INVALID', 'a topic needs a name');
  if (!Number.isSafeInteger(partitions) || partitions < 1) {
    throw new MillraceError('CONFIG_INVALID', `topic ${name}: ${partitions} partitions cannot be`, {
      hint: 'write a whole number, 1 or more',
    });
  }
  return { ...options, name, partitions };
}

/** The headers that are the same for all records of a topic. */
export function commonHeaders<T>(
  { dataset, schemaVersion = DEFAULT_VERSION }: Topic<T>,
  service: string,
): readonly Header[] {
  return dataset === undefined ? [] : headersOf({ dataset, schema_version: schemaVersion, producer_services: service });
}

/** The record of a value. What the topic's own functions throw passes through. */
export function recordOf<T>(topic: Topic<T>, value: T, options: SendOptions, sending: Sending): OutgoingRecord {
  const key = topic.key?.(value) ?? null;
  const text = topic.value === undefined ? toJson(value) : topic.value(value);
  const own =
    options.headers === undefined && topic.headers === undefined
      ? NO_HEADERS
      : [...headersOf(options.headers), ...headersOf(topic.headers?.(value))];
  const timestamp = options.timestamp ?? topic.timestamp?.(value) ?? sending.now;
  if (!Number.isSafeInteger(timestamp))
    throw new TypeError(`a timestamp is whole epoch milliseconds, not ${timestamp}`);
  requireData('a value', text);
  if (typeof key !== 'number') requireData('a key', key);
  for (const header of own)
    if (!(header.value instanceof Uint8Array)) throw noData(`the header ${header.key}`, header.value);
  return {
    topic: topic.name,
    key: typeof key === 'number' ? String(key) : key,
    value: text,
    headers: topic.dataset === undefined ? own : withMetadata(sending.common, own),
    timestamp,
  };
}

export function headersOf(input: HeadersInput = []): readonly Header[] {
  if (isList(input)) return input;
  return Object.entries(input).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? Buffer.from(value) : value,
  }));
}

function withMetadata(common: readonly Header[], own: readonly Header[]): readonly Header[] {
  const metadata = common.toSpliced(ID_AT, 0, { key: 'ingestion_id', value: Buffer.from(randomUUID()) });
  if (own.length === 0) return metadata;
  const given = new Set(own.map(({ key }) => key));
  return [...metadata.filter(({ key }) => !given.has(key)), ...own];
}

function isList(input: HeadersInput): input is readonly Header[] {
  return Array.isArray(input);
}

/** Types say it, and programs that are not checked may not know. */
function requireData(what: string, data: unknown): void {
  if (data !== null && typeof data !== 'string' && !(data instanceof Uint8Array)) throw noData(what, data);
}

function noData(what: string, data: unknown): TypeError {
  return new TypeError(`${what} is ${data === null ? 'null' : `of type ${typeof data}`}: it must be text or bytes`);
}

function toJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a value of type ${typeof value} has no JSON form`);
  return json;
}
