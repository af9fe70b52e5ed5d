import { TextDecoder } from 'node:util';

import type { Chunk } from '../src/core/element.ts';
import { messageOf } from '../src/core/errors.ts';
import { JsonRows, parseJson } from '../src/core/json-rows.ts';
import type { NodeContext } from '../src/core/operator.ts';
import type { LogRecord } from '../src/core/record-batch.ts';
import type { Rejection } from '../src/core/rejection.ts';
import { JsonScanner } from '../src/json/json-scanner.ts';
import { process, rejection } from './core/process.ts';

/**
 * Reads the value of each record as a JSON document in UTF-8.
 *
 * `LogRecord → unknown (+ DecodeError)` · a null or empty value, bytes that are not UTF-8, text that is not JSON and documents
 * nested deeper than 500 are rejected with their bytes: JSON.parse takes any depth, but what writes the value later runs
 * out of stack · numbers are JavaScript's: integers beyond 2⁵³ are rounded, and one beyond all numbers, such as 1e999, is
 * written as null by a sink · no state.
 *
 * @example
 * ```ts
 * const events = kafka('events').pipe(decodeJson(), toDLQ('events-dlq'));
 * ```
 * @see RFC 8259; RFC 3629 (invalid UTF-8 is refused, never replaced)
 */
export function decodeJson() {
  return process<LogRecord, unknown, 'DecodeError'>({
    kind: 'decodeJson',
    adds: ['DecodeError'],
    logic: (ctx) => {
      const decoder = new TextDecoder('utf-8', { fatal: true });
      const scanner = ctx.codegen ? new JsonScanner(ctx.checkBelow) : undefined;
      return (chunk) => decodeChunk(ctx, chunk, decoder, scanner);
    },
  });
}

function decodeChunk(
  ctx: NodeContext,
  chunk: Chunk<LogRecord>,
  decoder: TextDecoder,
  scanner: JsonScanner | undefined,
): Chunk<unknown> {
  const n = chunk.length;
  const values = new Array<unknown>(n);
  let kept = 0;
  let rejected: Map<number, Rejection> | undefined;
  const scans = chunk.raw && n > 0 ? scanner : undefined;
  scans?.begin(chunk.input!);
  const known = chunk.raw ? new JsonRows() : undefined;
  for (let i = 0; i < n; i++) {
    const scanned = scans?.read(i);
    if (scanned !== undefined) {
      values[kept++] = scanned;
      continue;
    }
    const bytes = chunk.raw ? chunk.input!.value(i) : chunk.values[i].value;
    try {
      values[kept] = parse(bytes, decoder);
      kept++;
      if (bytes?.[0] === MARK[0]) known?.except(i, undefined);
    } catch (thrown) {
      known?.except(i, thrown instanceof SyntaxError ? false : undefined);
      (rejected ??= new Map()).set(i, rejection(ctx, chunk, i, 'DecodeError', reasonOf(bytes, thrown)));
    }
  }
  if (chunk.input !== undefined) chunk.input.jsonRows ??= known;
  ctx.counts.passed += kept;
  if (rejected === undefined) return chunk.withValues(values, true);
  values.length = kept;
  ctx.counts.rejected += rejected.size;
  return chunk.without(rejected, values, true);
}

function parse(bytes: Uint8Array | null, decoder: TextDecoder): unknown {
  if (bytes === null) throw new Error('the value is null');
  if (bytes.length > MAX_DEPTH && opensMany(bytes) && isTooDeep(bytes))
    throw new RangeError(`nested deeper than ${MAX_DEPTH}`);
  return parseJson(decoder.decode(bytes));
}

function reasonOf(bytes: Uint8Array | null, thrown: unknown): string {
  if (bytes === null) return 'the value is null, not a JSON document';
  if (bytes.length === 0) return 'the value is empty, not a JSON document';
  if (thrown instanceof TypeError) return 'the value is not UTF-8';
  if (thrown instanceof RangeError) return `the document is ${messageOf(thrown)}`;
  return `the value is not JSON: ${shortened(messageOf(thrown))}`;
}

/** A byte order mark, which the decoder takes for none of the document. */
const MARK = Buffer.from('\ufeff');
const MAX_DEPTH = 500;
const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/** Whether a document has brackets enough to be too deep: few have, and for them a search by Node is several times as fast. */
function opensMany(bytes: Uint8Array): boolean {
  let count = 0;
  for (const bracket of [OPEN_ARRAY, OPEN_OBJECT]) {
    for (let at = bytes.indexOf(bracket); at >= 0; at = bytes.indexOf(bracket, at + 1)) {
      if (++count > MAX_DEPTH) return true;
    }
  }
  return false;
}

/** Counts brackets outside strings. */
function isTooDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth--;
    }
  }
  return false;
}

/** Engines quote the document in their message; a DLQ header need not hold all of it. */
function shortened(message: string): string {
  return message.length <= MAX_REASON ? message : `${message.slice(0, MAX_REASON)}…`;
}

const MAX_REASON = 200;
