/** Names the task whose state a directory holds: one pipeline, on one kind of log, under one group. */
export function taskIdOf(pipeline: string, log: 'embedded' | 'kafka', group: string): string {
  return `${pipeline}@${log}/${group}`;
}
