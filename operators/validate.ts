import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Chunk } from '../src/core/element.ts';
import type { NodeContext } from '../src/core/operator.ts';
import type { Rejection } from '../src/core/rejection.ts';
import { type ValueCheck, zodCheck } from '../src/json/zod-check.ts';
import { invalidOption } from './core/options.ts';
import { callbackRejection, process, rejection } from './core/process.ts';

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
    schema,
    logic: (ctx) => {
      const isUnchanged = ctx.codegen ? zodCheck(schema) : undefined;
      return (chunk) => validateChunk(ctx, chunk, schema, isUnchanged);
    },
  });
}

function validateChunk<S extends StandardSchemaV1>(
  ctx: NodeContext,
  chunk: Chunk<unknown>,
  schema: S,
  isUnchanged: ValueCheck | undefined,
): Chunk<StandardSchemaV1.InferOutput<S>> {
  const { values } = chunk;
  const n = values.length;
  const check = schema['~standard'].validate;
  const valid = new Array<StandardSchemaV1.InferOutput<S>>(n);
  let kept = 0;
  let rejected: Map<number, Rejection> | undefined;
  // A schema that answers with another object may hold on to it (a default, a fallback).
  let fresh = chunk.fresh;
  const isOwn = chunk.fresh && ctx.unshared;
  const scanned = chunk.input?.scanned;
  const known = scanned?.validFor === ctx.id ? scanned.valid : undefined;
  for (let i = 0; i < n; i++) {
    // The decoder has looked at its bytes, or code made for the schema looks at its fields.
    if (known?.[chunk.row(i)] === 1 || isUnchanged?.(values[i]) === true) {
      // zod gives a value of its own; nobody can tell where nobody else holds the one that came.
      valid[kept++] = isOwn ? values[i] : Object.assign({}, values[i]);
      continue;
    }
    const outcome = validateRecord(ctx, chunk, i, check);
    if (outcome instanceof Refused) {
      (rejected ??= new Map()).set(i, outcome.rejection);
    } else {
      valid[kept++] = outcome;
      if (outcome !== values[i]) fresh = false;
    }
  }
  ctx.counts.passed += kept;
  if (rejected === undefined) return chunk.withValues(valid, fresh);
  valid.length = kept;
  ctx.counts.rejected += rejected.size;
  return chunk.without(rejected, valid, fresh);
}

/** A rejection, told apart from whatever a schema may give. */
class Refused {
  readonly rejection: Rejection;
  constructor(rejection: Rejection) {
    this.rejection = rejection;
  }
}

function validateRecord<O>(
  ctx: NodeContext,
  chunk: Chunk<unknown>,
  i: number,
  check: StandardSchemaV1<unknown, O>['~standard']['validate'],
): O | Refused {
  try {
    const result = check(chunk.values[i]);
    if (result instanceof Promise) {
      throw invalidOption('validate', 'schema', 'answers with a promise; validation must be synchronous');
    }
    if (result.issues === undefined) return result.value;
    const reason = result.issues.slice(0, MAX_ISSUES).map(describeIssue).join('; ');
    return new Refused(rejection(ctx, chunk, i, 'ValidationError', reason));
  } catch (thrown) {
    return new Refused(callbackRejection(ctx, chunk, i, thrown));
  }
}

/** `amount: must be positive (was -3)`; libraries that repeat the path in their message are left as they are. */
function describeIssue(issue: StandardSchemaV1.Issue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.') ?? '';
  return path === '' || issue.message.startsWith(path) ? issue.message : `${path}: ${issue.message}`;
}

const MAX_ISSUES = 5;
