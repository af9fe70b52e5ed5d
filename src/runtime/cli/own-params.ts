/** The pipeline's own flags among those of a command. */
import type { Command, Option } from 'commander';
import { paramOptions } from './flags.ts';
import type { Known, ParamFlags } from './parse-arguments.ts';

/** The pipeline's own parameters among the flags of a command. */
export interface OwnParams {
  readonly attributes: readonly string[];
  take(flags: object): ParamFlags;
}

/** Parameters that are `hidden` change nothing of what the command does: they are understood, and not in its help. */
export function withOptions(
  command: Command,
  heading: string,
  options: readonly Option[],
  known: Known | undefined,
  paramsAre: 'shown' | 'hidden' = 'shown',
): OwnParams {
  // Flags that come with a heading of their own stand below it.
  for (const option of options) command.addOption(option.helpGroup(option.helpGroupHeading ?? `${heading}:`));
  const params = known === undefined ? [] : paramOptions(known.pipeline.params, command.options);
  for (const { option } of params) {
    command.addOption(option.helpGroup(`Flags of ${known!.pipeline.name}:`).hideHelp(paramsAre === 'hidden'));
  }
  const names = params.map(({ name, option }) => [name, option.attributeName()] as const);
  return {
    attributes: names.map(([, attribute]) => attribute),
    take: (flags) =>
      Object.fromEntries(names.map(([name, attribute]) => [name, (flags as Record<string, string>)[attribute]])),
  };
}

/** The flags without the pipeline's own. */
export function ownFlags<F extends object>(flags: F, params: OwnParams): F {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => !params.attributes.includes(name))) as F;
}
