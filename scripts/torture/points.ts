/** Where a run can be told to die. */
import { STORE_POINTS, TRANSACTION_POINTS } from '../../src/checkpoint/protocol.ts';
import { DISK_POINTS, FOLDER_POINTS } from './mortal-disk.ts';

/**
 * Every named step: those of the protocol, and each call that changes the store or a file, before and after; where the
 * outputs are folders, first those in which readers see files come and go.
 */
export function killPoints(subject: {
  readonly decidedBy: 'store' | 'transaction';
  readonly hasFolders: boolean;
}): readonly string[] {
  const protocol = subject.decidedBy === 'transaction' ? TRANSACTION_POINTS : STORE_POINTS;
  return [...(subject.hasFolders ? FOLDER_POINTS : []), ...protocol, ...CALL_POINTS];
}

const CALL_POINTS: readonly string[] = [
  'before-store-write',
  'inside-store-write',
  'after-store-write',
  ...DISK_POINTS,
];

/** Steps that come once a start: a kill there is a kill during the recovery from the kill before. */
export function isRecovery(point: string): boolean {
  return point.startsWith('recovery-');
}
