import { MillraceError } from '../src/core/errors.ts';
import { AppendOutput } from '../src/files/append-output.ts';
import { callbackFailed } from './core/process.ts';
import { requireText } from './core/options.ts';
import { sink } from './core/sink.ts';

/**
 * Writes each value to a file as one line of JSON.
 *
 * `T → line` · in order · a file that is there already is appended to · delivery: exactly-once; lines are held in the checkpoint
 * and written behind its commit, so that a reader never sees what may be undone · a value that JSON cannot write stops the
 * pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError CALLBACK_FAILED; CHECKPOINT_MISMATCH at the start, when the file was changed by somebody else
 * @example
 * ```ts
 * export default pipeline('copy', kafka('lines').pipe(map((r) => String(r.value)), sinkJsonl('lines.jsonl')));
 * ```
 */
export function sinkJsonl<T>(path: string) {
  requireText('sinkJsonl', 'path', path);
  return sink<T>({
    kind: 'sinkJsonl',
    name: path,
    options: {},
    writer: (ctx) => {
      const output = new AppendOutput(ctx.disk, ctx.outputPath(path), ctx);
      ctx.output(output);
      return {
        write(chunk) {
          let text = '';
          let i = 0;
          try {
            for (; i < chunk.length; i++) text += lineOf(chunk.values[i]);
          } catch (thrown) {
            throw thrown instanceof MillraceError ? thrown : callbackFailed(ctx, chunk, i, thrown);
          }
          if (text !== '') output.append(text);
        },
      };
    },
  });
}

function lineOf(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a value of type ${typeof value} has no JSON form`);
  return `${json}\n`;
}
