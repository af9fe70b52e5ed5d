/** What Kafka's other clients have written; scripts/kafka/vectors/make.ts had them do it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plainRecord, recordLine, type VectorManifest } from '../../scripts/kafka/vectors/records.ts';
import { unpackLz4 } from '../../src/compression/lz4.ts';
import { unpackSnappy } from '../../src/compression/snappy.ts';
import { unpackZstd } from '../../src/compression/zstd.ts';
import { decodeAll } from './codec-records.ts';

const FOLDER = join(import.meta.dirname, 'vectors');
const HEADER_BYTES = 61;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
const CONTROL = 32;
const TRANSACTIONAL = 16;
const UNPACK = { snappy: unpackSnappy, lz4: unpackLz4, zstd: unpackZstd };
const LIMIT = 1_000_000;
const manifest = JSON.parse(readFileSync(join(FOLDER, 'manifest.json'), 'utf8')) as VectorManifest;
const expected = manifest.records.map((record) => recordLine({ ...plainRecord(record) }));

/** Attributes and bytes of the records of each batch in a file. */
function batchesOf(file: string): { readonly attributes: number; readonly body: Buffer }[] {
  const bytes = readFileSync(join(FOLDER, file));
  const batches = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    batches.push({ attributes: bytes.readInt16BE(at + 21), body: bytes.subarray(at + HEADER_BYTES, end) });
    at = end;
  }
  return batches;
}

describe('decodeRecords, of what others have written', () => {
  it.each(manifest.files)('reads $file, written by $client', ({ file, codec, isTransaction }) => {
    const batches = batchesOf(file);
    const data = batches.filter(({ attributes }) => (attributes & CONTROL) === 0);
    expect(new Set(data.map(({ attributes }) => CODECS[attributes & 7]))).toEqual(new Set([codec]));
    expect(data.every(({ attributes }) => ((attributes & TRANSACTIONAL) !== 0) === isTransaction)).toBe(true);
    expect(batches.length - data.length).toBe(isTransaction ? 1 : 0);
    const read = decodeAll(readFileSync(join(FOLDER, file)));
    const lines = read.map(({ key, value, ...rest }) =>
      recordLine({ ...rest, key: key && Buffer.from(key), value: value && Buffer.from(value) }),
    );
    expect(lines).toEqual(expected);
  });

  // Where Node has Zstandard of its own, the decoder above was Node's.
  it.each(manifest.files.filter(({ codec }) => codec in UNPACK))('unpacks all of $file, and no part of it', (each) => {
    const unpack = UNPACK[each.codec as keyof typeof UNPACK];
    const [{ body: plain }] = batchesOf('java-none.bin');
    for (const { body } of batchesOf(each.file)) {
      const whole = unpack(body, LIMIT);
      if (body.length > plain.length / 40) expect(whole.length).toBe(plain.length);
      for (let cut = 0; cut < body.length - 4; cut += 7)
        expect(() => unpack(body.subarray(0, cut), LIMIT)).toThrow(RangeError);
      expect(() => unpack(body, whole.length - 1)).toThrow(RangeError);
    }
  });
});
