/** Values of a pipeline's own flags. */
import { MillraceError } from '../core/errors.ts';
import type { Param, Pipeline } from '../core/pipeline.ts';

type Value = string | number | boolean;

/**
 * What was given, with the defaults for the rest.
 * @throws MillraceError CONFIG_INVALID for a value that its flag does not take
 */
export function paramValues(
  pipeline: Pipeline,
  given: Readonly<Record<string, Value | undefined>> = {},
): Parameters<Pipeline['build']>[0] {
  const values = Object.entries(pipeline.params).map(([name, param]) => {
    const value = given[name];
    if (value === undefined) return [name, param.default] as const;
    const problem = problemOf(param, value);
    if (problem === undefined) return [name, value] as const;
    const text = `parameter ${name} of pipeline '${pipeline.name}': '${String(value)}' is invalid`;
    throw new MillraceError('CONFIG_INVALID', text, { hint: problem });
  });
  return Object.fromEntries(values);
}

/** What the value has to be, in a sentence, where it is something else. */
export function problemOf(param: Param<string> | Param<number> | Param<boolean>, value: Value): string | undefined {
  if (typeof value !== typeof param.default) return `It must be a ${typeof param.default}.`;
  if (typeof value === 'number') {
    const { min = Number.NEGATIVE_INFINITY, integer = false } = param;
    const fits = Number.isFinite(value) && value >= min && (!integer || Number.isSafeInteger(value));
    if (fits) return undefined;
    return `It must be a ${integer ? 'whole ' : ''}number${Number.isFinite(min) ? `, ${min} or more` : ''}.`;
  }
  return typeof value === 'string' ? (param as Param<string>).check?.(value) : undefined;
}
