/** The columns of a sink that was given none: those of the validate() above it. */
import type { Columns } from '../../src/arrow/columns.ts';
import { columnsOf } from '../../src/arrow/columns-of.ts';
import { MillraceError } from '../../src/core/errors.ts';
import type { PlanNode } from '../../src/core/operator.ts';

/**
 * The columns of the nearest validate() above `node`, itself included, if only steps stand between that keep values as
 * they are: filter, watermark, keyBy, toDLQ, lateTo, splitRejections.
 *
 * @throws MillraceError PLAN_INVALID where another step stands between, or the schema gives no columns
 */
export function columnsAbove(node: PlanNode, sink: string, omit: readonly string[]): Columns {
  let above = node;
  while (above.schema === undefined && above.keepsValues === true) [above] = above.inputs;
  if (above.schema !== undefined) return columnsOf(above.schema, omit);
  const problem = whyNone(above);
  throw new MillraceError('PLAN_INVALID', `${sink} has no columns: ${problem}`, {
    place: { operator: sink },
    hint: 'name them in `columns`, { ...columnsOf(Schema), more: utf8() } for one, or put the sink right below a validate()',
  });
}

function whyNone({ role, receives, kind }: PlanNode): string {
  if (role === 'source') return 'there is no validate() above it';
  if (receives === 'rejections') return `the rejections of ${kind}() have no schema`;
  return `${kind}() makes values whose fields are known to the compiler only`;
}
