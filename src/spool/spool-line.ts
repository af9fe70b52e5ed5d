/** One record as a line of JSON, readable by people and by `jq`, with a checksum as its last field. */
import { isUtf8 } from 'node:buffer';
import { crc32 } from 'node:zlib';
import type { Header } from '../core/record-batch.ts';
import type { OutgoingRecord } from './outgoing.ts';

/** What a scan needs to know of a line. */
export interface LineHead {
  /** Rises by 1 from record to record. */
  readonly number: number;
  /** Number of the first record that was written and synced together with this one. */
  readonly batch: number;
}

type Named = { readonly [name: string]: unknown };

/** `,"crc":"0a1b2c3d"}` */
const SEAL_BYTES = 18;
const SEAL = /^,"crc":"([0-9a-f]{8})"\}$/;
const HEAD = /^\{"n":(\d{1,16}),"batch":(\d{1,16}),/;
const HEAD_BYTES = 64;

/** With its newline. */
export function encodeLine({ number, batch }: LineHead, record: OutgoingRecord): Buffer {
  const { topic, timestamp, key, value, headers } = record;
  const body = JSON.stringify({
    n: number,
    batch,
    topic,
    time: timestamp,
    ...named('key', key),
    ...named('value', value),
    ...(headers && headers.length > 0 && { headers: headers.map(encodeHeader) }),
  });
  const sealed = Buffer.from(body.slice(0, -1));
  return Buffer.concat([sealed, Buffer.from(`,"crc":"${hex(crc32(sealed))}"}\n`)]);
}

/** A line without its newline; `undefined` when it is not whole. */
export function readHead(line: Buffer): LineHead | undefined {
  if (line.length <= SEAL_BYTES) return undefined;
  const at = line.length - SEAL_BYTES;
  const seal = SEAL.exec(line.toString('latin1', at));
  if (seal === null || seal[1] !== hex(crc32(line.subarray(0, at)))) return undefined;
  const head = HEAD.exec(line.toString('latin1', 0, HEAD_BYTES));
  return head === null ? undefined : { number: Number(head[1]), batch: Number(head[2]) };
}

/** The record of a line that is whole. */
export function decodeLine(line: Buffer): OutgoingRecord {
  const fields = JSON.parse(line.toString()) as Named;
  const headers = fields.headers as readonly Named[] | undefined;
  return {
    topic: fields.topic as string,
    timestamp: fields.time as number,
    key: unnamed('key', fields),
    value: unnamed('value', fields),
    ...(headers && { headers: headers.map(decodeHeader) }),
  };
}

function encodeHeader({ key, value }: Header): Named {
  return { name: key, ...named('value', value) };
}

function decodeHeader(fields: Named): Header {
  return { key: fields.name as string, value: Buffer.from(unnamed('value', fields) ?? '') };
}

/** Text as text; other bytes in base64, under a name that says so. */
function named(name: string, data: string | Uint8Array | null): Named {
  if (data === null || typeof data === 'string') return { [name]: data };
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return isUtf8(bytes) ? { [name]: bytes.toString() } : { [`${name}64`]: bytes.toString('base64') };
}

function unnamed(name: string, fields: Named): string | Uint8Array | null {
  const base64 = fields[`${name}64`] as string | undefined;
  return base64 === undefined ? (fields[name] as string | null) : Buffer.from(base64, 'base64');
}

/** Also the checksum of other small files of the spool. */
export function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
