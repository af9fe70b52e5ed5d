import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Chunk } from '../src/core/element.ts';
import type { NodeContext } from '../src/core/operator.ts';
import type { Rejection } from '../src/core/rejection.ts';
import { invalidOption } from './core/options.ts';
import { callbackRejection, joinRejections, process, rejection } from './core/process.ts';

/**
 * Lets through what fits a schema, and gives it the schema's type.
 *
 * `unknown → Output of the schema (+ ValidationError, naming each field at fault)` · any Standard Schema: arktype, zod,
 * valibot; a schema that answers with a promise is refused, use an asynchronous step for that · no state.
 *
 * @example
 * ```ts
 * const Reading = type({ sensor: 'string', celsius: '-90 <= number <= 60' });
 * const readings = kafka('readings').pipe(decodeJson(), validate(Reading), toDLQ('readings-dlq'));
 * ```
 * @see https://standardschema.dev
 */
export function validate<S extends StandardSchemaV1>(schema: S) {
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw invalidOption('validate', 'schema', 'must be a Standard Schema, such as one of arktype, zod or valibot');
  }
  return process<unknown, StandardSchemaV1.InferOutput<S>, 'ValidationError'>({
    kind: 'validate',
    options: { vendor: schema['~standard'].vendor },
    adds: ['ValidationError'],
    logic: (ctx) => (chunk) => validateChunk(ctx, chunk, schema),
  });
}

function validateChunk<S extends StandardSchemaV1>(
  ctx: NodeContext,
  chunk: Chunk<unknown>,
  schema: S,
): Chunk<StandardSchemaV1.InferOutput<S>> {
  const { values } = chunk;
  const n = values.length;
  const check = schema['~standard'].validate;
  const valid: StandardSchemaV1.InferOutput<S>[] = [];
  const kept: number[] = [];
  let rejections: Rejection[] | undefined;
  for (let i = 0; i < n; i++) {
    const refused = validateRecord(ctx, chunk, i, check, valid);
    if (refused === undefined) kept.push(i);
    else (rejections ??= []).push(refused);
  }
  // A schema that answers with another object may hold on to it (a default, a fallback).
  const fresh = chunk.fresh && kept.every((i, at) => values[i] === valid[at]);
  ctx.counts.passed += kept.length;
  if (rejections === undefined) return chunk.withValues(valid, fresh);
  ctx.counts.rejected += rejections.length;
  return chunk.select(kept, valid, joinRejections(chunk.rejections, rejections), fresh);
}

/** Adds the record's value to `valid`, or returns why it is not. */
function validateRecord<O>(
  ctx: NodeContext,
  chunk: Chunk<unknown>,
  i: number,
  check: StandardSchemaV1<unknown, O>['~standard']['validate'],
  valid: O[],
): Rejection | undefined {
  try {
    const result = check(chunk.values[i]);
    if (result instanceof Promise)
      throw invalidOption('validate', 'schema', 'answers with a promise; validation must be synchronous');
    if (result.issues === undefined) {
      valid.push(result.value);
      return undefined;
    }
    return rejection(
      ctx,
      chunk,
      i,
      'ValidationError',
      result.issues.slice(0, MAX_ISSUES).map(describeIssue).join('; '),
    );
  } catch (thrown) {
    return callbackRejection(ctx, chunk, i, thrown);
  }
}

/** `amount: must be positive (was -3)`; libraries that repeat the path in their message are left as they are. */
function describeIssue(issue: StandardSchemaV1.Issue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') ?? '';
  return path === '' || issue.message.startsWith(path) ? issue.message : `${path}: ${issue.message}`;
}

const MAX_ISSUES = 5;
