import { requireStorableName } from '../core/names.ts';

/**
 * Names the task whose state a directory holds: one pipeline, on one kind of log, under one group.
 * @throws MillraceError CONFIG_INVALID when the group is too long for the keys of the state
 */
export function taskIdOf(pipeline: string, log: 'embedded' | 'kafka', group: string): string {
  requireStorableName('the group', group, 'CONFIG_INVALID');
  return `${pipeline}@${log}/${group}`;
}
