import { MillraceError } from '../src/core/errors.ts';
import type { Key } from '../src/core/element.ts';
import type { RejectionKind } from '../src/core/rejection.ts';
import { KeyedStream, type Stream } from '../src/core/stream.ts';
import { callbackFailed, process } from './core/process.ts';

/**
 * Gives each value the key by which the operator below it groups.
 *
 * `T → T by K` · in order; values stay in their partition · no state · a selector that throws, or a key that is neither a
 * string nor a finite number, stops the pipeline: it is part of the stateful step below.
 *
 * @throws MillraceError CALLBACK_FAILED
 * @example
 * ```ts
 * const byUser = clicks.pipe(keyBy((click) => click.user_id));
 * ```
 */
export function keyBy<T, K extends Key>(select: (value: T) => K) {
  const step = process<T, T>({
    kind: 'keyBy',
    keepsValues: true,
    onThrow: 'fail',
    logic: (ctx) => (chunk) => {
      const { values } = chunk;
      const keys = new Array<Key>(values.length);
      let i = 0;
      try {
        for (; i < values.length; i++) keys[i] = checkedKey(select(values[i]));
      } catch (thrown) {
        throw thrown instanceof MillraceError ? thrown : callbackFailed(ctx, chunk, i, thrown);
      }
      ctx.counts.passed += values.length;
      return chunk.withColumns({ keys });
    },
  });
  return <E extends RejectionKind>(stream: Stream<T, E>): KeyedStream<K, T, E> => new KeyedStream(step(stream).node);
}

function checkedKey(key: Key): Key {
  // Half a surrogate pair has no UTF-8 form: what the store would make of it, it is from the start.
  if (typeof key === 'string') return key.isWellFormed() ? key : key.toWellFormed();
  // −0 is 0: no checkpoint could tell them apart.
  if (typeof key === 'number' && Number.isFinite(key)) return key + 0;
  throw new TypeError(`a key must be a string or a finite number, not ${key === null ? 'null' : typeof key}`);
}
