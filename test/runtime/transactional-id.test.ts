/** The transactional id names group and pipeline; what versions before left under the group's alone is settled. */
import { kafka, type Pipeline, pipeline } from 'millrace';
import { map, sinkKafka } from 'millrace/operators';
import { CrashStore, SimulatedKafka, TestDriver } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import type { ProtocolPoint } from '../../src/checkpoint/protocol.ts';
import type { Clock } from '../../src/core/ports.ts';
import type { LogClient, LogTransactions } from '../../src/log/log-client.ts';
import { formerIdsOf, transactionalIdOf } from '../../src/runtime/transactional-id.ts';
import { pack, unpack } from '../../src/state/codec.ts';
import type { StateStore } from '../../src/state/state-store.ts';

const copies = (name: string, from: string, to: string): Pipeline =>
  pipeline(
    name,
    { group: 'shared' },
    kafka(from).pipe(
      map((record) => String(record.value)),
      sinkKafka(to, { partitions: 1 }),
    ),
  );

/** A broker that outlives its clients, and the ids that were asked of it. */
class Broker {
  readonly ids: string[] = [];
  private first: SimulatedKafka | undefined;

  /** `as`: a client of a version that had this id for every pipeline of the group. */
  open(as?: string): (clock: Clock) => LogClient {
    return (clock) => {
      this.first ??= new SimulatedKafka(clock);
      const client = this.first.connect(clock);
      const open = client.transactions;
      const transactions = (id: string, timeoutMs: number): LogTransactions => {
        this.ids.push(as ?? id);
        return open(as ?? id, timeoutMs);
      };
      return Object.assign(client, { transactions });
    };
  }
}

/** Takes what a version before did not write out of the checkpoints that are stored. */
async function asBefore(store: StateStore): Promise<void> {
  const older = (checkpoint: Checkpoint) => ({ ...checkpoint, transactionalId: undefined });
  await store.write((transaction) => {
    for (const [key, bytes] of transaction.range('tasks', { from: Buffer.of(0), to: Buffer.of(255) })) {
      const value = unpack(bytes) as Checkpoint | { readonly checkpoint: Checkpoint };
      const name = Buffer.from(key).toString();
      if (name.endsWith('checkpoint')) transaction.put('tasks', key, pack(older(value as Checkpoint)));
      if (name.endsWith('pending') && 'checkpoint' in value) {
        transaction.put('tasks', key, pack({ ...value, checkpoint: older(value.checkpoint) }));
      }
    }
  });
}

describe('the transactional id', () => {
  it('is another one for each pipeline and group, whatever their names hold', () => {
    const pairs = [
      ['a', 'b.c'],
      ['a.b', 'c'],
      ['c', 'a.b'],
      ['a', 'a'],
      ['b', 'x/a'],
      ['a', 'b'],
    ];
    expect(new Set(pairs.map(([name, group]) => transactionalIdOf(name, group))).size).toBe(pairs.length);
  });

  it('is one that was there before only where a checkpoint was decided under it', () => {
    const decided = { decidedBy: 'transaction' } as Checkpoint;
    const stored = { decidedBy: 'store' } as Checkpoint;
    expect([...formerIdsOf([undefined, stored], 'g/p.millrace', 'g')]).toEqual([]);
    expect([...formerIdsOf([decided, decided], 'g/p.millrace', 'g')]).toEqual(['g.millrace']);
    expect([...formerIdsOf([{ ...decided, transactionalId: 'g/p.millrace' }], 'g/p.millrace', 'g')]).toEqual([]);
    expect([...formerIdsOf([{ ...decided, transactionalId: 'x' }, undefined], 'g/p.millrace', 'g')]).toEqual(['x']);
  });

  it('lets two pipelines of one group run side by side', async () => {
    const broker = new Broker();
    const one = new TestDriver(copies('one', 'in-1', 'out-1'), { log: broker.open() });
    const two = new TestDriver(copies('two', 'in-2', 'out-2'), { log: broker.open() });
    for (const driver of [one, two]) await driver.start();
    for (const [i, driver] of [one, two, one, two].entries()) {
      await driver.append(driver === one ? 'in-1' : 'in-2', [{ value: `v${i}` }]);
      await driver.settle();
    }
    expect(await one.readJson('out-1')).toEqual(['v0', 'v2']);
    expect(await two.readJson('out-2')).toEqual(['v1', 'v3']);
    await one.stop();
    await two.stop();
    expect(new Set(broker.ids)).toEqual(new Set(['shared/one.millrace', 'shared/two.millrace']));
  });

  it('still lets a second instance of a pipeline fence the first', async () => {
    const broker = new Broker();
    const first = new TestDriver(copies('one', 'in', 'out'), { log: broker.open() });
    await first.start();
    const second = new TestDriver(copies('one', 'in', 'out'), { log: broker.open() });
    await second.start();
    await first.append('in', [{ value: 'v' }]);
    await expect(first.settle()).rejects.toThrowError(expect.objectContaining({ code: 'OWNED_ELSEWHERE' }));
    await second.settle();
    expect(await second.readJson('out')).toEqual(['v']);
    await second.stop();
  });

  it.each<ProtocolPoint>(['transaction-offsets', 'prepared', 'before-decision', 'decided', 'committed'])(
    'fences the id of a version before, which died at %s, and goes on from what it has decided',
    async (point) => {
      const broker = new Broker();
      let store = new CrashStore();
      let reached = 0;
      const onPoint = (at: ProtocolPoint): void => {
        // Not the first time: an epoch that was decided stands behind the one that is left open.
        if (at === point && ++reached === 2) store.crash();
      };
      const before = new TestDriver(copies('one', 'in', 'out'), {
        store,
        onPoint,
        log: broker.open('shared.millrace'),
      });
      await before.createTopic('in', 1);
      await before.start();
      await before.append('in', [{ value: 'a' }]);
      await before.settle();
      await before.append('in', [{ value: 'b' }, { value: 'c' }]);
      await before.settle().catch(() => {});
      await before.stop().catch(() => {});
      expect(reached).toBeGreaterThanOrEqual(2);
      store = store.reopen();
      await asBefore(store);
      broker.ids.length = 0;
      const after = new TestDriver(copies('one', 'in', 'out'), {
        store,
        log: broker.open(),
        startAt: before.clock.now(),
      });
      await after.start();
      expect(broker.ids).toEqual(['shared.millrace', 'shared/one.millrace']);
      await after.append('in', [{ value: 'd' }]);
      await after.settle();
      await after.stop();
      expect((await after.read('out')).map(({ value }) => JSON.parse(String(value)))).toEqual(['a', 'b', 'c', 'd']);
      broker.ids.length = 0;
      await after.start();
      expect(broker.ids).toEqual(['shared/one.millrace']);
      await after.stop();
    },
  );
});
