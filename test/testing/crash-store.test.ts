import { describe, expect, it } from 'vitest';
import { type CrashPoint, CrashStore } from '../../src/testing/crash-store.ts';

const KEY = Buffer.from('k');
const put = (store: CrashStore, value: string) => store.write((t) => t.put('state', KEY, Buffer.from(value)));
const valueIn = (store: CrashStore) => {
  const bytes = store.get('state', KEY);
  return bytes && Buffer.from(bytes).toString();
};

describe('CrashStore', () => {
  it.each([
    ['before-sync', 'old'],
    ['after-sync', 'new'],
  ] as const)('has, after a crash %s, the %s value, and the write never counts as done', async (crashAt, expected) => {
    const store: CrashStore = new CrashStore((point, write) => {
      if (point === crashAt && write === 2) store.crash();
    });
    await put(store, 'old');
    await expect(put(store, 'new')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(valueIn(store.reopen())).toBe(expected);
  });

  it('shows what is not synced yet and forgets it at a crash', async () => {
    const store = new CrashStore((_, write) => (write === 2 ? new Promise<void>(() => {}) : undefined));
    await put(store, 'synced');
    const held = put(store, 'held');
    const behind = put(store, 'behind');
    await expect.poll(() => valueIn(store)).toBe('held');
    store.crash();
    await expect(held).rejects.toThrow('crashed');
    await expect(behind).rejects.toThrow('crashed');
    expect(() => valueIn(store)).toThrow('crashed');
    const again = store.reopen();
    expect(valueIn(again)).toBe('synced');
    await put(again, 'next');
    expect(valueIn(again)).toBe('next');
  });

  it.each<CrashPoint>(['before-sync', 'after-sync'])('fails for good when the disk refuses %s', async (refuseAt) => {
    const store = new CrashStore((point) => {
      if (point === refuseAt) throw new Error('no space left');
    });
    await expect(put(store, 'a')).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('space'),
    });
    await expect(put(store, 'b')).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(valueIn(store.reopen())).toBe(refuseAt === 'after-sync' ? 'a' : undefined);
  });

  it('writes nothing and passes no point when the body throws', async () => {
    const points: string[] = [];
    const store = new CrashStore((point, write) => void points.push(`${point} ${write}`));
    const failing = store.write((t) => {
      t.put('state', KEY, KEY);
      throw new Error('taken back');
    });
    await expect(failing).rejects.toThrow('taken back');
    await put(store, 'a');
    expect(points).toEqual(['before-sync 1', 'after-sync 1']);
  });
});
