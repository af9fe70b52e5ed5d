/**
 * The one shape of a record that went wrong: `{"payload": …, "error_reason": …, "failed_at": …}`, under the key and the headers
 * that it came with. What the payload was is known to the byte: JSON stands in it as it was, all else as a JSON text.
 */
import { isUtf8 } from 'node:buffer';
import { commonBytes } from './common-bytes.ts';
import { parseJson } from './json-rows.ts';
import { memberSpan } from './json-span.ts';
import type { Header } from './record-batch.ts';

/** What the payload was: a JSON document, other text in UTF-8, bytes that are no text, or no value at all. */
export type DlqPayloadForm = 'json' | 'text' | 'base64' | 'null';

/** Key, value and headers of a record. */
export interface PlainRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}

/** What is known of a failure. */
export interface DlqFailure {
  /** For a person. */
  readonly reason: string;
  /** Epoch ms. */
  readonly failedAt: number;
  /** A RejectionKind, where millrace rejected it. */
  readonly kind?: string | undefined;
  /** The step that it failed in. */
  readonly step?: string | undefined;
  /** Where the record came from. */
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  /** Unknown for a record that a step has computed: it never stood in a topic. */
  readonly offset?: number | undefined;
  /** The log's timestamp of it, epoch ms. */
  readonly timestamp?: number | undefined;
  readonly stack?: string | undefined;
}

export interface DlqRecord extends DlqFailure {
  readonly key: Uint8Array | null;
  /** The value that failed, byte for byte. */
  readonly payload: Buffer | null;
  readonly form: DlqPayloadForm;
  /** The headers that it came with. */
  readonly headers: readonly Header[];
  /** How many bytes the value had of which `payload` is the beginning; `undefined` where nothing was cut. */
  readonly cutFrom: number | undefined;
}

/** The first of the headers that are added: what stands in front of the last of its name came with the record. */
const REASON = 'dlq_reason';
const OPENING = Buffer.from('{"payload":');
/** A reason stands in the value and in a header; documents that are quoted in it need not be whole. */
const MAX_REASON = 4_000;
/** Stacks are for a person too. */
const MAX_STACK = 2_000;
/** As JSON a text of control characters is six times as long. What more than doubles is written as base64. */
const MAX_GROWTH = 2;
/** Short texts may. */
const SHORT = 256;
/** A text that is cut doubles at most, and there are headers. */
const CUT_SHARE = 1 / 3;
const CONTINUATION = 0b1000_0000;
const LEADING_BITS = 0b1100_0000;
const LONGEST_CHARACTER = 4;
let lastTime = Number.NaN;
let lastText = '';

/** The record for a DLQ topic; its key is that of `original`. `isJson`: whether its value is, where that is known. */
export function encodeDlqRecord(original: PlainRecord, failure: DlqFailure, isJson?: boolean): PlainRecord {
  const { form, json } = payloadOf(original.value, isJson);
  return envelope(original.key, json, [...original.headers, ...headersOf(failure, form)], failure);
}

/**
 * The record in place of one that is larger than the DLQ topic takes: as much of the value as fits, how long it was, and neither
 * key nor headers of its own. It leads to the original, and cannot stand in for it.
 */
export function encodeCutDlqRecord(original: PlainRecord, failure: DlqFailure, maxBytes: number): PlainRecord {
  const { value } = original;
  const size: Header = { key: 'dlq_truncated', value: Buffer.from(String(value?.length ?? 0)) };
  const { form, json } = textOf(value === null ? value : beginning(value, Math.floor(maxBytes * CUT_SHARE)));
  return envelope(null, json, [...headersOf(failure, form), size], failure);
}

/** What `encodeDlqRecord` was given; also of records in this shape that others wrote. `undefined` for anything else. */
export function decodeDlqRecord({ key, value, headers }: PlainRecord): DlqRecord | undefined {
  const first = headers.findLastIndex((header) => header.key === REASON);
  if (value === null || first < 0) return undefined;
  const added = new Map(headers.slice(first).map((header) => [header.key, Buffer.from(header.value).toString()]));
  const envelopeOf = readEnvelope(value);
  if (envelopeOf === undefined) return undefined;
  const form = formOf(added.get('dlq_payload'), envelopeOf.payload);
  const payload = form === undefined ? undefined : bytesOf(form, envelopeOf.payload, value);
  if (form === undefined || payload === undefined) return undefined;
  return {
    key,
    payload,
    form,
    headers: headers.slice(0, first),
    reason: envelopeOf.reason,
    failedAt: envelopeOf.failedAt,
    kind: added.get('dlq_kind'),
    step: added.get('dlq_step'),
    topic: added.get('dlq_topic'),
    partition: numberOf(added.get('dlq_partition')),
    offset: numberOf(added.get('dlq_offset')),
    timestamp: numberOf(added.get('dlq_timestamp')),
    stack: added.get('dlq_stack'),
    cutFrom: added.has('dlq_truncated') ? (numberOf(added.get('dlq_truncated')) ?? 0) : undefined,
  };
}

interface Payload {
  readonly form: DlqPayloadForm;
  /** How it stands in the record. */
  readonly json: Uint8Array;
}

function payloadOf(value: Uint8Array | null, isJson = value !== null && isDocument(value)): Payload {
  return value !== null && isJson ? { form: 'json', json: value } : textOf(value);
}

function textOf(value: Uint8Array | null): Payload {
  if (value === null) return { form: 'null', json: Buffer.from('null') };
  if (isUtf8(value)) {
    const json = JSON.stringify(textFrom(value));
    if (json.length <= Math.max(SHORT, value.length * MAX_GROWTH)) return { form: 'text', json: Buffer.from(json) };
  }
  return { form: 'base64', json: Buffer.from(`"${asBuffer(value).toString('base64')}"`) };
}

function envelope(
  key: Uint8Array | null,
  payload: Uint8Array,
  headers: readonly Header[],
  { reason, failedAt }: DlqFailure,
): PlainRecord {
  const rest = `,"error_reason":${JSON.stringify(shortened(reason))},"failed_at":"${timeText(failedAt)}"}`;
  return { key, value: Buffer.concat([OPENING, payload, Buffer.from(rest)]), headers };
}

function headersOf(failure: DlqFailure, form: DlqPayloadForm): Header[] {
  const headers: Header[] = [];
  const add = (key: string, value: string | undefined, bytesOfText: (text: string) => Buffer = commonBytes): void => {
    if (value !== undefined) headers.push({ key, value: bytesOfText(value) });
  };
  add(REASON, shortened(failure.reason));
  add('dlq_kind', failure.kind);
  add('dlq_step', failure.step);
  add('dlq_topic', failure.topic);
  add('dlq_partition', failure.partition?.toString());
  add('dlq_offset', failure.offset?.toString(), Buffer.from);
  add('dlq_timestamp', failure.timestamp?.toString(), Buffer.from);
  add('dlq_failed_at', timeText(failure.failedAt));
  add('dlq_payload', form);
  add('dlq_stack', failure.stack?.slice(0, MAX_STACK), Buffer.from);
  return headers;
}

/** ISO 8601; records that fail do so many in a millisecond. */
function timeText(time: number): string {
  if (time !== lastTime) {
    lastText = new Date(time).toISOString();
    lastTime = time;
  }
  return lastText;
}

function shortened(reason: string): string {
  return reason.length <= MAX_REASON ? reason : `${reason.slice(0, MAX_REASON)}…`;
}

/** Up to `bytes` bytes, and no half of a character at their end where the rest is text. */
function beginning(value: Uint8Array, bytes: number): Uint8Array {
  if (value.length <= bytes) return value;
  let end = bytes;
  while (end > 0 && bytes - end < LONGEST_CHARACTER && (value[end] & LEADING_BITS) === CONTINUATION) end--;
  return isUtf8(value.subarray(0, end)) ? value.subarray(0, end) : value.subarray(0, bytes);
}

interface Envelope {
  readonly payload: unknown;
  readonly reason: string;
  readonly failedAt: number;
}

function readEnvelope(value: Uint8Array): Envelope | undefined {
  if (!isUtf8(value)) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(textFrom(value));
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || !Object.hasOwn(parsed, 'payload')) return undefined;
  const { payload, error_reason: reason, failed_at: at } = parsed as Readonly<Record<string, unknown>>;
  if (typeof reason !== 'string' || typeof at !== 'string') return undefined;
  const failedAt = Date.parse(at);
  return Number.isNaN(failedAt) ? undefined : { payload, reason, failedAt };
}

/** Others may not say what the payload was: then a text is that text, and anything else the JSON that it is. */
function formOf(named: string | undefined, payload: unknown): DlqPayloadForm | undefined {
  if (named === undefined) return payload === null ? 'null' : typeof payload === 'string' ? 'text' : 'json';
  if (named === 'json') return named;
  if (named === 'null') return payload === null ? named : undefined;
  return (named === 'text' || named === 'base64') && typeof payload === 'string' ? named : undefined;
}

function bytesOf(form: DlqPayloadForm, payload: unknown, value: Uint8Array): Buffer | null | undefined {
  if (form === 'null') return null;
  if (form === 'json') {
    const span = memberSpan(value, 'payload');
    return span === undefined ? undefined : asBuffer(value).subarray(span.start, span.end);
  }
  return Buffer.from(payload as string, form === 'text' ? 'utf8' : 'base64');
}

function numberOf(text: string | undefined): number | undefined {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function isDocument(value: Uint8Array): boolean {
  try {
    if (!isUtf8(value)) return false;
    parseJson(textFrom(value));
    return true;
  } catch {
    return false;
  }
}

function textFrom(bytes: Uint8Array): string {
  return asBuffer(bytes).toString();
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
