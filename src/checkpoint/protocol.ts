const BEFORE = ['barrier-injected', 'barrier-passed', 'outputs-sealed'] as const;
const AFTER = ['committed', 'outputs-published', 'group-committed'] as const;
const RECOVERY = ['recovery-loaded', 'recovery-published'] as const;

/** Steps of the checkpoint protocol, in their order, and those of the recovery, where the store decides. */
export const STORE_POINTS = [...BEFORE, 'in-commit', ...AFTER, 'recovery-owned', ...RECOVERY] as const;

/**
 * The same where a transaction of the log decides; what comes before `before-decision` runs side by side, and batches are sent ahead
 * while the one before is published.
 */
export const TRANSACTION_POINTS = [
  'sent-ahead',
  ...BEFORE,
  'transaction-flushed',
  'transaction-offsets',
  'prepared',
  'before-decision',
  'decided',
  ...AFTER,
  'recovery-owned',
  'recovery-fenced',
  'recovery-reconciled',
  ...RECOVERY,
] as const;

export type ProtocolPoint = (typeof STORE_POINTS)[number] | (typeof TRANSACTION_POINTS)[number];
