/** Values of a pipeline's own flags. */
import type { Pipeline } from '../core/pipeline.ts';

/** What was given, with the defaults for the rest. */
export function paramValues(
  pipeline: Pipeline,
  given: Readonly<Record<string, string | number | boolean | undefined>> = {},
): Parameters<Pipeline['build']>[0] {
  const values = Object.entries(pipeline.params).map(([name, param]) => [name, given[name] ?? param.default]);
  return Object.fromEntries(values);
}
