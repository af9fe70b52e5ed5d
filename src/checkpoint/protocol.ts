/** Steps of the checkpoint protocol, in their order, and those of the recovery. */
export const PROTOCOL_POINTS = [
  'barrier-injected',
  'barrier-passed',
  'outputs-sealed',
  'in-commit',
  'committed',
  'outputs-published',
  'group-committed',
  'recovery-owned',
  'recovery-loaded',
  'recovery-published',
] as const;
export type ProtocolPoint = (typeof PROTOCOL_POINTS)[number];
