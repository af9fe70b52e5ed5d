import { describe, expect, it } from 'vitest';
import { roomNeeded, storeFailure } from '../../src/state/store-failure.ts';

const MIB = 1024 * 1024;

describe('the room that must be left on the disk of the state', () => {
  const nothing = { puts: 0, bytes: 0 };

  it('is 64 MiB, and a tenth of a disk that is small', () => {
    expect(roomNeeded(nothing, { total: 1_000_000 * MIB })).toBe(64 * MIB);
    expect(roomNeeded(nothing, { total: 640 * MIB })).toBe(64 * MIB);
    expect(roomNeeded(nothing, { total: 80 * MIB })).toBe(8 * MIB);
  });

  it('grows with what a transaction writes', () => {
    expect(roomNeeded({ puts: 0, bytes: 100 * MIB }, { total: 1_000_000 * MIB })).toBe(200 * MIB);
    expect(roomNeeded({ puts: 100_000, bytes: 0 }, { total: 1_000_000 * MIB })).toBe(409_600_000);
  });
});

describe('what is said of a state that cannot be used', () => {
  const failed = (message: string, code?: number) => storeFailure('/', Object.assign(new Error(message), { code }));

  it('names the folder and its room, and what to do by the kind of failure', () => {
    expect(failed('No space left on device', 28)).toMatchObject({
      code: 'STORE_FAILED',
      exitCode: 3,
      message: expect.stringMatching(/^the state in \/ cannot be used: No space left on device \(.* of .* free\)$/),
      hint: expect.stringMatching(/^make room on that disk/),
    });
    expect(failed('Input/output error', 5).hint).toMatch(/^check the disk/);
    expect(failed('a commit has not settled').hint).toMatch(/^check the space and the health/);
  });

  it('leaves out numbers that mean nothing', () => {
    const { message } = failed(
      'No space: Attempting to write page at position 4096, size 4096, blocks 1, buffer sizes 1 2 3',
      28,
    );
    expect(message).toMatch(/No space \(/);
  });
});
