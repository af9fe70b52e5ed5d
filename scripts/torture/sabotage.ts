/** Safety steps that can be left out, one at a time, to see that their loss is noticed. */
import { Writer } from '@platformatic/kafka';
import type { NodeContext, Output, PlanNode } from '../../src/core/operator.ts';
import type { Pipeline } from '../../src/core/pipeline.ts';
import { SealedStream } from '../../src/core/stream.ts';
import { BrokerConnection, type RawRequest, VERSIONS } from '../../src/kafka/broker-connection.ts';
import { connectKafkajs } from '../../src/kafka/kafkajs/kafkajs-client.ts';
import type { LogClient, LogTransactions } from '../../src/log/log-client.ts';
import type { StateStore, StoreKey, Table } from '../../src/state/state-store.ts';
import { systemClock } from '../../src/time/clock.ts';
import type { SubjectName } from './subjects.ts';

/** How a run dies so that the missing step shows: by SIGKILL at a point, or stopped there while another one takes over. */
export interface Scenario {
  readonly how: 'kill' | 'zombie';
  readonly point: string;
  readonly log: 'embedded' | 'kafka';
  /** Those that have the step; all of them unless told. */
  readonly pipelines?: readonly SubjectName[];
}

/** The step that is left out → where that shows. */
export const SABOTAGES: Readonly<Record<string, Scenario>> = {
  /** InitProducerId before OffsetFetch: an offset that is read first may be of an epoch that is still being decided. */
  'fence-before-offsets': { how: 'zombie', point: 'before-decision', log: 'kafka', pipelines: ['orders'] },
  /** The epoch is on disk before it is decided. */
  'prepare-before-decide': { how: 'kill', point: 'transaction-offsets', log: 'kafka', pipelines: ['orders'] },
  /** What is pending is kept when it was decided. */
  'keep-what-was-decided': { how: 'kill', point: 'decided', log: 'kafka', pipelines: ['orders'] },
  /** What is pending is dropped when it was not. */
  'drop-what-was-not': { how: 'kill', point: 'before-decision', log: 'kafka', pipelines: ['orders'] },
  /** Every write of state asks whether this process is still the owner. */
  'owner-check': { how: 'zombie', point: 'before-store-write', log: 'embedded' },
  /** Lines are written behind the decision. */
  'write-after-decision': { how: 'kill', point: 'published-early', log: 'kafka', pipelines: ['orders'] },
  /** Files get their names behind the decision. */
  'rename-after-decision': { how: 'kill', point: 'published-early', log: 'kafka' },
  /** Records of aborted transactions are not read. */
  'read-committed': { how: 'kill', point: 'committed', log: 'kafka', pipelines: ['orders'] },
};

const KEY_OF_PENDING = '\u0000pending';
const KEY_OF_OWNER = '\u0000owner';
/** In a fetch request, behind four numbers of four bytes. */
const ISOLATION_AT = 16;
const READ_UNCOMMITTED = 0;

interface Parts {
  readonly log: LogClient;
  readonly store: StateStore;
  readonly pipeline: Pipeline;
  readonly brokers: string | undefined;
  /** Resolves when the process that was stopped has run to its end. */
  readonly zombieGone: () => Promise<void>;
  /** A place to die. */
  readonly at: (point: string) => void;
}

/** The same parts, without one step. */
export function sabotaged(name: string | undefined, parts: Parts): Parts {
  const { log, store } = parts;
  switch (name) {
    case undefined:
      return parts;
    case 'fence-before-offsets':
      return { ...parts, log: fencingLate(parts) };
    case 'prepare-before-decide':
      return decidingEarly(parts);
    case 'keep-what-was-decided':
      return { ...parts, store: withRead(store, (key, read) => (endsWith(key, KEY_OF_PENDING) ? undefined : read())) };
    case 'drop-what-was-not':
      return { ...parts, log: believingPending(log, store) };
    case 'owner-check':
      return { ...parts, store: withRead(store, alwaysOwner()) };
    case 'write-after-decision':
      return { ...parts, pipeline: publishingEarly(parts, ['sinkJsonl']) };
    case 'rename-after-decision':
      return { ...parts, pipeline: publishingEarly(parts, ['sinkArrow', 'sinkParquet', 'sinkCsv']) };
    case 'read-committed':
      readUncommitted();
      return parts;
    default:
      throw new Error(`no safety step '${name}': ${Object.keys(SABOTAGES).join(', ')}`);
  }
}

/** Offsets are read before the fence, as kafkajs reads them: without asking for stable ones. */
function fencingLate({ log, brokers, zombieGone }: Parts): LogClient {
  let owed = false;
  return wrapped(log, {
    groupOffsets: async (group, topics) => {
      const other = await connectKafkajs({ brokers: brokers!.split(','), clock: systemClock });
      const offsets = await other.groupOffsets(group, topics);
      await other.close();
      return offsets;
    },
    transactions: (id, timeoutMs) => {
      const real = log.transactions!(id, timeoutMs);
      const settle = async (): Promise<void> => {
        if (!owed) return;
        owed = false;
        await zombieGone();
        await real.init();
      };
      return transactionsOver(real, {
        init: async () => {
          owed = true;
        },
        append: async (batches) => settle().then(() => real.append(batches)),
        commitGroup: async (group, offsets) => settle().then(() => real.commitGroup(group, offsets)),
      });
    },
  });
}

/** The transaction is committed as soon as it is complete, and the store hears of the epoch behind that. */
function decidingEarly(parts: Parts): Parts {
  const { log, store } = parts;
  let decided = Promise.resolve();
  let open = (): void => {};
  return {
    ...parts,
    log: wrapped(log, {
      transactions: (id, timeoutMs) => {
        const real = log.transactions!(id, timeoutMs);
        return transactionsOver(real, {
          append: (batches) => {
            decided = new Promise((resolve) => (open = resolve));
            return real.append(batches);
          },
          commitGroup: async (group, offsets) => {
            await real.commitGroup(group, offsets);
            await real.commit();
            // Behind the point that follows, at which the process dies.
            setTimeout(open, 100);
          },
          commit: async () => {},
        });
      },
    }),
    store: {
      get: (table, key) => store.get(table, key),
      range: (table, options) => store.range(table, options),
      keys: (table, options) => store.keys(table, options),
      write: async (body) => decided.then(() => store.write(body)),
      close: () => store.close(),
    },
  };
}

/** The log seems to have decided whatever is pending. */
function believingPending(log: LogClient, store: StateStore): LogClient {
  return wrapped(log, {
    groupOffsets: async (group, topics) => {
      const offsets = await log.groupOffsets(group, topics);
      const pending = [...store.range('tasks', { from: Buffer.of(0), to: Buffer.of(255) })].some(([key]) =>
        endsWith(key, KEY_OF_PENDING),
      );
      if (!pending) return offsets;
      return offsets.map((each) => ({ ...each, metadata: each.metadata.replace(/\d+/, (n) => String(Number(n) + 1)) }));
    },
  });
}

/** Whoever asks in a write for the owner hears of the first that this process has claimed. */
function alwaysOwner(): (key: StoreKey, read: () => Uint8Array | undefined) => Uint8Array | undefined {
  let own: Uint8Array | undefined;
  let asked = 0;
  return (key, read) => {
    if (!endsWith(key, KEY_OF_OWNER)) return read();
    asked++;
    // The first question is the claim itself, the second the first write behind it.
    if (asked > 1) own ??= Uint8Array.from(read()!);
    return own ?? read();
  };
}

function publishingEarly({ pipeline, at }: Parts, kinds: readonly string[]): Pipeline {
  const eager = (output: Output): Output => ({
    get idle() {
      return output.idle;
    },
    seal: async (epoch, final) => {
      const isNew = !output.idle;
      const manifest = await output.seal(epoch, final);
      await output.publish(manifest);
      if (isNew) at('published-early');
      return manifest;
    },
    publish: (manifest) => output.publish(manifest),
    recover: (manifest) => output.recover(manifest),
  });
  const over = (ctx: NodeContext): NodeContext =>
    new Proxy(ctx, {
      get: (target, name) => {
        if (name === 'output') return (output: Output) => target.output(eager(output));
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const changed = (node: PlanNode): PlanNode =>
    kinds.includes(node.kind) ? { ...node, build: (ctx, inputs) => node.build(over(ctx), inputs) } : node;
  return {
    ...pipeline,
    build: (values) => pipeline.build(values).map(({ node }) => new SealedStream(changed(node))),
  };
}

function readUncommitted(): void {
  const send = BrokerConnection.prototype.send;
  BrokerConnection.prototype.send = function (request: RawRequest) {
    if (request.key !== VERSIONS.Fetch[0]) return send.call(this, request);
    const payload = (): Writer => {
      const bytes = Buffer.from(request.payload().buffer);
      bytes[ISOLATION_AT] = READ_UNCOMMITTED;
      return Writer.create().append(bytes);
    };
    return send.call(this, { ...request, payload });
  };
}

function wrapped(log: LogClient, changes: Partial<LogClient>): LogClient {
  return new Proxy(log, {
    get: (target, name) => {
      const value: unknown = Reflect.get(name in changes ? changes : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function transactionsOver(real: LogTransactions, changes: Partial<LogTransactions>): LogTransactions {
  return {
    init: () => real.init(),
    append: (batches) => real.append(batches),
    commitGroup: (group, offsets) => real.commitGroup(group, offsets),
    commit: () => real.commit(),
    abort: () => real.abort(),
    ...changes,
  };
}

/** The store with another answer to reads, within writes and outside of them. */
export function withRead(
  store: StateStore,
  answer: (key: StoreKey, read: () => Uint8Array | undefined) => Uint8Array | undefined,
): StateStore {
  const read = (table: Table, key: StoreKey, really: () => Uint8Array | undefined) =>
    table === 'tasks' ? answer(key, really) : really();
  return {
    get: (table, key) => read(table, key, () => store.get(table, key)),
    range: (table, options) => store.range(table, options),
    keys: (table, options) => store.keys(table, options),
    close: () => store.close(),
    write: (body) =>
      store.write((transaction) =>
        body({
          get: (table, key) => read(table, key, () => transaction.get(table, key)),
          range: (table, options) => transaction.range(table, options),
          keys: (table, options) => transaction.keys(table, options),
          put: (table, key, value) => transaction.put(table, key, value),
          delete: (table, key) => transaction.delete(table, key),
        }),
      ),
  };
}

function endsWith(key: StoreKey, end: string): boolean {
  return Buffer.from(key).toString('latin1').endsWith(end);
}
