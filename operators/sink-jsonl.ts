import { normalize } from 'node:path';
import { MillraceError, messageOf } from '../src/core/errors.ts';
import { AppendOutput } from '../src/files/append-output.ts';
import { jsonText } from './core/json-text.ts';
import { requireText } from './core/options.ts';
import { sink } from './core/sink.ts';

/**
 * Writes each value to a file as one line of JSON.
 *
 * `T → line` · in order · a file that is there already is appended to · delivery: exactly-once; lines are held in the
 * checkpoint and written behind its commit, so that a reader never sees what may be undone · back pressure: what waits for
 * the commit takes credit · values are written as `JSON.stringify` writes them (`undefined` fields are left out, NaN is
 * null) · one that has no JSON form (a bigint, a cycle, `undefined`) stops the pipeline: behind a sink there is no DLQ.
 *
 * @throws MillraceError CALLBACK_FAILED for a value without a JSON form; CHECKPOINT_MISMATCH when somebody else has
 * changed the file; STORE_FAILED
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
    exclusive: normalize(path),
    options: {},
    writer: (ctx) => {
      const output = new AppendOutput(ctx.disk, ctx.outputPath(path), ctx);
      ctx.output(output);
      const textOf = jsonText(ctx.codegen);
      return {
        write(chunk) {
          const jsonOf = textOf(chunk.fresh);
          let text = '';
          let i = 0;
          try {
            for (; i < chunk.length; i++) text += `${jsonOf(chunk.values[i])}\n`;
          } catch (thrown) {
            const { topic, partition } = chunk.origin;
            throw new MillraceError('CALLBACK_FAILED', `cannot write the value as JSON: ${messageOf(thrown)}`, {
              place: { operator: ctx.id, topic, partition, offset: chunk.offset(i) },
              hint: 'a map() above the sink can give the value a JSON form (a bigint as a string, for example), or filter() such records out',
              cause: thrown,
            });
          }
          if (text !== '') output.append(text);
        },
      };
    },
  });
}
