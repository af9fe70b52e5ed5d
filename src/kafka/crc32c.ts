/** CRC-32C (Castagnoli), by a native package where it can be loaded and else by tables. */
import { createRequire } from 'node:module';
import type * as NodeRsCrc32 from '@node-rs/crc32';

/** The reversed polynomial. */
const POLYNOMIAL = 0x82f63b78;
const BYTES_AT_ONCE = 4;
const tables = makeTables();

/** The checksum that a record batch of magic 2 carries, as an unsigned number. */
export const crc32c: (data: Uint8Array) => number = native() ?? crc32cByTables;

/** About ten times slower than the native one; the results are equal. */
export function crc32cByTables(data: Uint8Array): number {
  const { length } = data;
  let crc = -1;
  let at = 0;
  for (const end = length - (length % BYTES_AT_ONCE); at < end; at += BYTES_AT_ONCE) {
    crc ^= data[at] | (data[at + 1] << 8) | (data[at + 2] << 16) | (data[at + 3] << 24);
    crc =
      tables[768 + (crc & 255)] ^
      tables[512 + ((crc >>> 8) & 255)] ^
      tables[256 + ((crc >>> 16) & 255)] ^
      tables[crc >>> 24];
  }
  for (; at < length; at++) crc = tables[(crc ^ data[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** A machine for which there is no build must work, if slower: whatever the import throws, the tables take over. */
function native(): ((data: Uint8Array) => number) | undefined {
  try {
    const { crc32c: hash } = createRequire(import.meta.url)('@node-rs/crc32') as typeof NodeRsCrc32;
    return (data) => hash(data);
  } catch {
    return undefined;
  }
}

/** Row k holds what a byte does to the checksum k places further on. */
function makeTables(): Int32Array {
  const rows = new Int32Array(256 * BYTES_AT_ONCE);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
    rows[byte] = crc;
  }
  for (let at = 256; at < rows.length; at++) rows[at] = rows[rows[at - 256] & 255] ^ (rows[at - 256] >>> 8);
  return rows;
}
