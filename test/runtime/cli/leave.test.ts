import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openLmdbStore } from '../../../src/state/lmdb-store.ts';

const CHILD = fileURLToPath(new URL('leave-child.ts', import.meta.url));
const BIN = fileURLToPath(new URL('../../../bin/millrace.js', import.meta.url));
/** A process that hangs is killed, and seen to be. */
const PATIENCE_MS = 15_000;
const folder = mkdtempSync(join(tmpdir(), 'millrace-leave-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Exit code or signal, and what it says on stderr. */
function ended(
  command: readonly string[],
  stdout: 'ignore' | number = 'ignore',
): Promise<{ end: unknown; err: string }> {
  return new Promise((resolve) => {
    const limits = { timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;
    const child = spawn(process.execPath, command, { stdio: ['ignore', stdout, 'pipe'], ...limits });
    let err = '';
    child.stderr!.on('data', (text) => (err += text));
    child.on('close', (code, signal) => resolve({ end: code ?? signal, err }));
  });
}

describe('a process that ends while it writes', { timeout: 30_000 }, () => {
  it.each(['leave', 'throw'])('ends with its code, and leaves the store to others: %s', async (how) => {
    const dir = join(folder, how);
    const { end, err } = await ended(['--import', 'tsx', CHILD, dir, how]);
    expect(end).toBe(how === 'leave' ? 7 : 1);
    if (how === 'throw') expect(err).toContain('thrown by nobody');
    const store = openLmdbStore(dir);
    expect(store.get('state', Buffer.of(1))).toEqual(Buffer.of(7));
    await store.close();
  });

  it.runIf(process.platform === 'linux')(
    'stops in order where stdout cannot be written, and says so once',
    async () => {
      const data = join(folder, 'full');
      const { end, err } = await ended([BIN, 'orders', '--once', '--data', data], openSync('/dev/full', 'w'));
      expect(end).toBe(3);
      expect(err.match(/stdout cannot be written, so this stops: .*ENOSPC/g)).toHaveLength(1);
      expect(err).not.toContain('    at ');
    },
  );
});
