import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { CheckpointStore } from '../../src/checkpoint/checkpoint-store.ts';
import { claim, type Owner, type ProcessProbe } from '../../src/checkpoint/owner.ts';
import { processProbe } from '../../src/checkpoint/process-probe.ts';
import { memoryStore } from '../../src/state/memory-store.ts';

const OLD: Owner = { number: 7, pid: 100, birth: 'b', since: 0 };

function machine(pid: number, alive: Readonly<Record<number, string>>): ProcessProbe {
  return { pid, birth: (asked) => alive[asked] };
}

const EMPTY: Checkpoint = {
  epoch: 1,
  offsets: {},
  snapshots: {},
  manifests: {},
  ledger: {},
  fingerprint: { version: 1, sources: [], stateful: {}, shape: '' },
  decidedBy: 'store',
  drained: false,
  savedAt: 0,
};

describe('claim', () => {
  it('refuses a task whose owner lives, and names its pid', () => {
    const error = { code: 'OWNED_ELSEWHERE', message: expect.stringContaining('process 100') as string };
    expect(() => claim('t', OLD, machine(200, { 100: 'b', 200: 'c' }), 0)).toThrowError(expect.objectContaining(error));
  });

  it('takes over from an owner that has died', () => {
    expect(claim('t', OLD, machine(200, { 200: 'c' }), 5)).toEqual({ number: 8, pid: 200, birth: 'c', since: 5 });
  });

  it('takes over when another process has the pid of the one that died', () => {
    expect(claim('t', OLD, machine(200, { 100: 'another', 200: 'c' }), 5).number).toBe(8);
  });

  it('takes over from an owner that has gone in good order', () => {
    expect(claim('t', { ...OLD, pid: 0 }, machine(200, { 200: 'c' }), 5).number).toBe(8);
  });
});

describe('a checkpoint store', () => {
  it('lets an owner that was taken over write nothing more', async () => {
    const store = memoryStore();
    const zombie = new CheckpointStore(store, 't');
    await zombie.own(machine(100, { 100: 'b' }), 0);
    const successor = new CheckpointStore(store, 't');
    await successor.own(machine(200, { 200: 'c' }), 0);
    await expect(zombie.commit(EMPTY, [], () => {})).rejects.toMatchObject({ code: 'OWNED_ELSEWHERE' });
    expect(successor.load()).toBeUndefined();
    await successor.commit(EMPTY, [], () => {});
    expect(successor.load()).toEqual(EMPTY);
  });

  it('keeps two tasks of one directory apart, and forgets one without the other', async () => {
    const store = memoryStore();
    const tasks = ['a', 'ab'].map((name) => new CheckpointStore(store, name));
    for (const task of tasks) {
      await task.own(machine(1, { 1: 'x' }), 0);
      const key = Buffer.concat([task.statePrefix('w'), Buffer.from('k')]);
      await task.commit(EMPTY, [{ deltas: [[key, Buffer.from('v')]], moved: { puts: [], deletes: [] } }], () => {});
    }
    await tasks[0].reset(machine(1, { 1: 'x' }), 0);
    expect(tasks[0].load()).toBeUndefined();
    expect(tasks[1].load()).toEqual(EMPTY);
    expect([...store.range('state', { from: Buffer.from('a'), to: Buffer.from('b') })]).toHaveLength(1);
  });

  it('forgets keyed state under prefixes that end in the highest byte', async () => {
    const store = memoryStore();
    const task = new CheckpointStore(store, 't');
    await task.own(machine(1, { 1: 'x' }), 0);
    const keys = [0, 128, 255].map((byte) => Buffer.concat([task.statePrefix('w'), Buffer.of(byte, 255)]));
    const puts = keys.map((key) => [key, Buffer.from('v')] as const);
    await task.commit(EMPTY, [{ deltas: puts, moved: { puts: [], deletes: [] } }], () => {});
    await task.dropState('w');
    expect([...store.range('state', { from: Buffer.of(0), to: Buffer.of(255, 255) })]).toEqual([]);
  });
});

describe('the process probe', () => {
  it('knows this process, and one that cannot be', () => {
    expect(processProbe.birth(process.pid)).toBe(processProbe.birth(process.pid));
    expect(processProbe.birth(process.pid)).toMatch(/^\d*$/);
    expect(processProbe.birth(2 ** 22 + 1)).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('takes a killed process that nobody has waited for as dead', async () => {
    // The shell starts a process, becomes a sleep that waits for no child, and leaves it a zombie.
    const shell = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const [data] = (await once(shell.stdout, 'data')) as [Buffer];
      await expect.poll(() => processProbe.birth(Number(String(data))), { timeout: 5_000 }).toBeUndefined();
    } finally {
      shell.kill('SIGKILL');
    }
  });
});
