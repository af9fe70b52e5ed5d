/** Checks of options, made where the plan is written: each names the operator, the field and the fix. */
import { MillraceError } from '../../src/core/errors.ts';

export function invalidOption(operator: string, field: string, problem: string): MillraceError {
  return new MillraceError('PLAN_INVALID', `${operator}: ${field} ${problem}`);
}

export function requireText(operator: string, field: string, value: unknown): asserts value is string {
  if (typeof value !== 'string' || value === '') throw invalidOption(operator, field, 'must be a non-empty string');
}

export function requirePositiveInteger(operator: string, field: string, value: unknown): asserts value is number {
  if (!Number.isSafeInteger(value) || (value as number) <= 0) {
    throw invalidOption(operator, field, `must be a whole number above 0, not ${String(value)}`);
  }
}

/** Milliseconds that may be 0 but must be written. */
export function requireDuration(operator: string, field: string, value: unknown): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw invalidOption(operator, field, `must be a number of milliseconds, 0 or more, not ${String(value)}`);
  }
}
