import type { Chunk } from '../src/core/element.ts';
import type { NodeContext } from '../src/core/operator.ts';
import type { MapOptions } from './map.ts';
import { process, projectRecords } from './core/process.ts';
import { ContextOfRecord, type RecordContext } from './core/record-context.ts';

/** What an `enrich` callback may ask for besides the value. */
export type EnrichContext = RecordContext;

/** `T` with the fields of `F` added or replaced. */
export type Enriched<T, F> = {
  // Renaming keeps the known fields of a type that has an index signature, too, where Omit would lose them.
  [K in keyof T as K extends keyof F ? never : K]: T[K];
} & F extends infer O
  ? { [K in keyof O]: O[K] }
  : never;

/**
 * Adds fields to each value.
 *
 * `T → T & F (+ CallbackError)` · the returned fields are merged in, replacing those of the same name · in order ·
 * no state · `context.record` is the record of the log behind the value: its bytes, headers and timestamp.
 *
 * @example
 * ```ts
 * const seen = kafka('clicks').pipe(decodeJson(), validate(Click), enrich((_, ctx) => ({ seen_at: ctx.now() })), toDLQ('clicks-dlq'));
 * ```
 */
export function enrich<T extends object, F extends object>(
  fields: (value: T, context: EnrichContext) => F,
  options: MapOptions = {},
) {
  return process<T, Enriched<T, F>, 'CallbackError'>({
    kind: 'enrich',
    adds: ['CallbackError'],
    onThrow: options.onThrow,
    logic: (ctx) => {
      const context = new ContextOfRecord();
      return (chunk) => enrichChunk(ctx, chunk, fields, context);
    },
  });
}

function enrichChunk<T extends object, F extends object>(
  ctx: NodeContext,
  chunk: Chunk<T>,
  fields: (value: T, context: EnrichContext) => F,
  context: ContextOfRecord,
): Chunk<Enriched<T, F>> {
  // Values that nobody else sees are enriched in place, several times as fast as a copy.
  const inPlace = chunk.fresh && ctx.unshared;
  context.enter(chunk, ctx.clock.now());
  return projectRecords(
    ctx,
    chunk,
    (value, i) => {
      context.i = i;
      const added = fields(value, context);
      return assign(inPlace ? value : copyOf(value), added) as Enriched<T, F>;
    },
    inPlace,
  );
}

/** A spread keeps an own field named `__proto__`, which Object.assign would take for the prototype; but it costs ten times as much. */
function copyOf(value: object): object {
  return Object.hasOwn(value, '__proto__') ? { ...value } : Object.assign({}, value);
}

/** Object.assign for plain objects, at half its cost. */
function assign(target: object, added: object): object {
  for (const name in added) (target as Record<string, unknown>)[name] = (added as Record<string, unknown>)[name];
  return target;
}
