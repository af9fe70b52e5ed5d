import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CODEC_NUMBERS, compress, decompress } from '../../src/kafka/compression.ts';
import { packLz4, unpackLz4 } from '../../src/compression/lz4.ts';
import { packSnappy, packSnappyBlock, unpackSnappy } from '../../src/compression/snappy.ts';
import { unpackZstd } from '../../src/compression/zstd.ts';

// Many runs and many bytes: a machine with much else to do needs more than the five seconds of other tests.
vi.setConfig({ testTimeout: 30_000 });

const LIMIT = 1_000_000;
const VECTORS = join(import.meta.dirname, 'vectors');
const HEADER_BYTES = 61;
const CODECS = ['gzip', 'snappy', 'lz4'] as const;
const UNPACK = { snappy: unpackSnappy, lz4: unpackLz4, zstd: unpackZstd };

/** By the reference implementation at its level 19: blocks of one repeated byte, and Huffman codes in one stream. */
const ZSTD_ZEROS = Buffer.from('KLUv/QRoTAAACAABAPz/ORACAgAQAAOfBAAtKN4m', 'base64');
const ZSTD_DIGITS = Buffer.from(
  'KLUv/QRonQ0AKndEBoESYwBiAGAARAkjhYBkV1W8OkQFyoegbX+FAQs66NtZjZbYRAjgimi6ETsYWybkSZc6HgW/WJAFIhhBTFSU' +
    'hq1d0SARRo+qS2MM1GQWgTJXAyk6DuNVADW0AoBqyKzYiXa4QokAsWpRqgAFG1VpOhVmlUGiW2Vi2x2CUThQx+UMBa5G/wogJbs4' +
    'CCmgGFWWMyqkorIkgAB1LFMMBgBKlBoKWQWNMaFIa4QXt055tWkSLZiiSmiEO2E/UdKKmK+KKkClVE7Rki4KArRSqJUEGTiOeKzq' +
    'xxJWmB2LLBcRC4gXMTzTsXEMpN+pAdFtpxIjzWCLVbxckZUlxRI9QOoN4MHiYBwrQsBDNYqg40E2Cqj4FQPaQDfrsE7Fx6oVvvwx' +
    'D6AtzEiFVCtEjZqDzgkDPgKIwWiIpVgUajlcS5DECdrCibpmFVtRCSpet0thKyA3bAFBOuBOtB7ECEki7TZpNVoSAWJlIpgyOKBR' +
    '9qJh3ICCpjAItBSVOqzCEmhAxUK0cQFCBNAI4qBjiF0EobZalUULCABwF8fzBVk2WE2OffosF8tdcyQBKCZxp4snCpAHPHDWuA==',
  'base64',
);

/** A fixed sequence of symbols below `symbols`. */
function noise(length: number, symbols: number): Buffer {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % symbols;
  };
  return Buffer.from(Array.from({ length }, next));
}

function bodyOf(file: string): Buffer {
  const bytes = readFileSync(join(VECTORS, file));
  return bytes.subarray(HEADER_BYTES, 12 + bytes.readInt32BE(8));
}

/** Runs of few symbols: what codecs find repetitions of all lengths and distances in. */
const runs = fc
  .array(fc.tuple(fc.nat(3), fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 30_000 }))), {
    minLength: 1,
    maxLength: 40,
  })
  .map((parts) => Buffer.concat(parts.map(([symbol, length]) => Buffer.alloc(length, symbol))));
const plain = fc.oneof(
  runs,
  fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

describe('compression', () => {
  it('unpacks what snappy has packed as one block', () => {
    fc.assert(
      fc.property(plain, (bytes) => {
        expect(unpackSnappy(packSnappyBlock(bytes), bytes.length).equals(bytes)).toBe(true);
      }),
      { seed: 12, numRuns: 100 },
    );
  });

  it.each(CODECS)('unpacks what %s has packed, to the last byte of the limit', (codec) => {
    fc.assert(
      fc.property(plain, (bytes) => {
        const packed = compress(codec, bytes);
        expect(decompress(CODEC_NUMBERS[codec], packed, bytes.length).equals(bytes)).toBe(true);
        expect(() => decompress(CODEC_NUMBERS[codec], packed, bytes.length - 1)).toThrow(Error);
      }),
      { seed: 11, numRuns: 100 },
    );
  });

  it.each([1, 11, 12, 13, 65_535, 65_536, 65_537, 131_072, 200_001])(
    'packs %i bytes, alike or all different',
    (length) => {
      for (const bytes of [Buffer.alloc(length, 'ab'), noise(length, 256), noise(length, 2)]) {
        expect(unpackSnappy(packSnappy(bytes), length).equals(bytes)).toBe(true);
        expect(unpackSnappy(packSnappyBlock(bytes), length).equals(bytes)).toBe(true);
        expect(unpackLz4(packLz4(bytes), length).equals(bytes)).toBe(true);
      }
    },
  );

  it('reads frames of the reference implementation of Zstandard', () => {
    expect(unpackZstd(ZSTD_ZEROS, LIMIT).equals(Buffer.alloc(300_000))).toBe(true);
    expect(unpackZstd(ZSTD_DIGITS, LIMIT).equals(noise(2_000, 3))).toBe(true);
    const skippable = Buffer.from('502a4d1803000000ffffff', 'hex');
    const both = Buffer.concat([ZSTD_DIGITS, skippable, ZSTD_DIGITS]);
    expect(unpackZstd(both, LIMIT).equals(Buffer.concat([noise(2_000, 3), noise(2_000, 3)]))).toBe(true);
  });

  it('bounds what a small input grows to', () => {
    const zeros = Buffer.alloc(20_000_000);
    for (const codec of CODECS) {
      const packed = compress(codec, zeros);
      expect(() => decompress(CODEC_NUMBERS[codec], packed, LIMIT)).toThrow(/larger than|grows beyond/);
    }
    expect(() => unpackZstd(ZSTD_ZEROS, 299_999)).toThrow(/grows beyond/);
    // A length that is a lie, in front of nothing.
    expect(() => unpackSnappy(Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f), LIMIT)).toThrow(RangeError);
  });

  it('refuses the rest of what it does not know', () => {
    for (const codec of [0, 5, 6, 7]) expect(() => decompress(codec, gzipSync('x'), LIMIT)).toThrow(/knows this codec/);
    for (const unpack of Object.values(UNPACK)) expect(() => unpack(Buffer.alloc(0), LIMIT)).toThrow(RangeError);
  });

  it.each(['snappy', 'lz4', 'zstd'] as const)(
    'refuses changed bytes of %s by a RangeError, or unpacks something',
    (codec) => {
      const bodies = [bodyOf(`java-${codec}.bin`), bodyOf(`librdkafka-${codec}.bin`)];
      if (codec === 'zstd') bodies.push(ZSTD_DIGITS, ZSTD_ZEROS);
      const mutations = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 5 });
      let refused = 0;
      fc.assert(
        fc.property(fc.constantFrom(...bodies), mutations, fc.boolean(), (body, changes, nearStart) => {
          const changed = Buffer.from(body);
          for (const { at, byte } of changes)
            changed[at % (nearStart ? Math.min(64, body.length) : body.length)] = byte;
          try {
            expect(UNPACK[codec](changed, LIMIT).length).toBeLessThanOrEqual(LIMIT);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
            refused++;
          }
        }),
        { seed: 12, numRuns: 1_500 },
      );
      expect(refused).toBeGreaterThan(200);
    },
  );
});
