import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { crc32c, crc32cByTables } from '../../src/kafka/crc32c.ts';

const HASHES = { crc32c, crc32cByTables };

describe('crc32c', () => {
  afterEach(() => {
    vi.doUnmock('node:module');
    vi.resetModules();
  });

  // Vectors of RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  it.each([
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 bytes that rise', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['nine digits', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
  ])('gives the published checksum of %s', (_, data, expected) => {
    for (const hash of Object.values(HASHES)) expect(hash(data)).toBe(expected);
  });

  it('gives the same by the native package and by tables, wherever the bytes lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(8), (data, from) => {
        const part = data.subarray(from);
        expect(crc32cByTables(part)).toBe(crc32c(part));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('takes the tables where the native package cannot be loaded', async () => {
    vi.resetModules();
    vi.doMock('node:module', () => ({
      createRequire: () => () => {
        throw new Error('there is no build for this machine');
      },
    }));
    const without = await import('../../src/kafka/crc32c.ts');
    expect(without.crc32c).toBe(without.crc32cByTables);
    expect(without.crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });
});
