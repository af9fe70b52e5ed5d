/** `millrace describe NAME`: draws the plan. */
import { EXIT } from '../../core/errors.ts';
import { planOf } from '../../core/plan.ts';
import { paramValues } from '../params.ts';
import { describePlan } from './describe.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import type { Invocation } from './parse-arguments.ts';
import { Screen } from './screen.ts';
import type { World } from './world.ts';

export async function describeCommand(
  { pipeline }: LoadedPipeline,
  { format, flags, params }: Extract<Invocation, { command: 'describe' }>,
  world: World,
): Promise<number> {
  const plan = planOf(pipeline.build(paramValues(pipeline, params)), pipeline.version);
  const text = describePlan({ pipeline, plan, group: flags.group ?? pipeline.group }, format);
  new Screen(world).show(text);
  return EXIT.ok;
}
