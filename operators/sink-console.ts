import { MillraceError } from '../src/core/errors.ts';
import { callbackFailed } from './core/process.ts';
import { sink } from './core/sink.ts';

export interface SinkConsoleOptions<T> {
  /** The line to print; `undefined` for none. Default: the value as JSON. */
  readonly format?: (value: T) => string | undefined;
}

/**
 * Shows each value to whoever watches the run.
 *
 * `T → line on stdout` · in order · delivery: best effort, at once; after a crash lines may be shown again · with `--json` the
 * lines are left out.
 *
 * @throws MillraceError CALLBACK_FAILED when `format` throws
 * @example
 * ```ts
 * export default pipeline('tail', kafka('lines').pipe(sinkConsole({ format: (r) => `${r.offset} ${String(r.value)}` })));
 * ```
 */
export function sinkConsole<T>(options: SinkConsoleOptions<T> = {}) {
  const format = options.format ?? JSON.stringify;
  return sink<T>({
    kind: 'sinkConsole',
    name: 'console',
    options: {},
    writer: (ctx) => ({
      write(chunk) {
        let i = 0;
        try {
          for (; i < chunk.length; i++) {
            const line = format(chunk.values[i]);
            if (line !== undefined) ctx.print(line);
          }
        } catch (thrown) {
          throw thrown instanceof MillraceError ? thrown : callbackFailed(ctx, chunk, i, thrown);
        }
      },
    }),
  });
}
