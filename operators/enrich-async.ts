import type { OnThrow } from '../src/core/operator.ts';
import { requirePositiveInteger } from './core/options.ts';
import { processAsync } from './core/process-async.ts';
import type { Enriched } from './enrich.ts';

export interface EnrichAsyncOptions {
  /** A call that takes longer is aborted and its record rejected as TimeoutError. */
  readonly timeoutMs: number;
  /** Calls under way at once. Default 16. */
  readonly concurrency?: number;
  readonly onThrow?: OnThrow;
}

const DEFAULT_CONCURRENCY = 16;

/**
 * Adds fields that have to be asked for elsewhere: a database, a service.
 *
 * `T → T & F (+ CallbackError, TimeoutError)` · keeps order; watermarks and barriers wait for the calls before them ·
 * no state: a call may be repeated after a crash · back pressure: at most `concurrency` calls; chunks that wait take credit.
 *
 * @example
 * ```ts
 * const priced = kafka('carts').pipe(
 *   decodeJson(),
 *   validate(Cart),
 *   enrichAsync(async (cart, { signal }) => ({ price: await priceOf(cart.sku, signal) }), { timeoutMs: 2_000 }),
 *   toDLQ('carts-dlq'),
 * );
 * ```
 */
export function enrichAsync<T extends object, F extends object>(
  fields: (value: T, context: { readonly signal: AbortSignal; now(): number }) => Promise<F>,
  options: EnrichAsyncOptions,
) {
  const { timeoutMs, concurrency = DEFAULT_CONCURRENCY, onThrow } = options;
  requirePositiveInteger('enrichAsync', 'timeoutMs', timeoutMs);
  requirePositiveInteger('enrichAsync', 'concurrency', concurrency);
  return processAsync<T, Enriched<T, F>>({
    kind: 'enrichAsync',
    options: { timeoutMs, concurrency },
    timeoutMs,
    concurrency,
    onThrow,
    call: async (ctx, value, signal) => {
      const added = await fields(value, { signal, now: () => ctx.clock.now() });
      return { ...value, ...added } as Enriched<T, F>;
    },
  });
}
