import { TextDecoder } from 'node:util';

import type { Chunk } from '../src/core/element.ts';
import { messageOf } from '../src/core/errors.ts';
import type { NodeContext } from '../src/core/operator.ts';
import type { LogRecord } from '../src/core/record-batch.ts';
import type { Rejection } from '../src/core/rejection.ts';
import { process, rejection } from './core/process.ts';

/**
 * Reads the value of each record as a JSON document in UTF-8.
 *
 * `LogRecord → unknown (+ DecodeError)` · a null or empty value, bytes that are not UTF-8 and text that is not JSON are
 * rejected with their bytes · no state.
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
      return (chunk) => decodeChunk(ctx, chunk, decoder);
    },
  });
}

function decodeChunk(ctx: NodeContext, chunk: Chunk<LogRecord>, decoder: TextDecoder): Chunk<unknown> {
  const n = chunk.length;
  const values: unknown[] = [];
  let rejected: Map<number, Rejection> | undefined;
  for (let i = 0; i < n; i++) {
    const bytes = chunk.raw ? chunk.input!.value(i) : chunk.values[i].value;
    try {
      values.push(parse(bytes, decoder));
    } catch (thrown) {
      (rejected ??= new Map()).set(i, rejection(ctx, chunk, i, 'DecodeError', reasonOf(bytes, thrown)));
    }
  }
  ctx.counts.passed += values.length;
  if (rejected === undefined) return chunk.withValues(values, true);
  ctx.counts.rejected += rejected.size;
  return chunk.without(rejected, values, true);
}

function parse(bytes: Uint8Array | null, decoder: TextDecoder): unknown {
  if (bytes === null) throw new Error('the value is null');
  return JSON.parse(decoder.decode(bytes));
}

function reasonOf(bytes: Uint8Array | null, thrown: unknown): string {
  if (bytes === null) return 'the value is null, not a JSON document';
  if (bytes.length === 0) return 'the value is empty, not a JSON document';
  if (thrown instanceof TypeError) return 'the value is not UTF-8';
  return `the value is not JSON: ${shortened(messageOf(thrown))}`;
}

/** Engines quote the document in their message; a DLQ header need not hold all of it. */
function shortened(message: string): string {
  return message.length <= MAX_REASON ? message : `${message.slice(0, MAX_REASON)}…`;
}

const MAX_REASON = 200;
