/** Names that become a part of the state's keys, which the store bounds. */
import { type ErrorCode, MillraceError } from './errors.ts';

/** Bytes of UTF-8 that the name of a pipeline, a group or a stateful operator may have: a key of the store holds all three. */
export const MAX_NAME_BYTES = 255;

/** @throws MillraceError `code` when the name is longer; its message shows the beginning of it */
export function requireShortName(what: string, name: string, code: ErrorCode = 'PLAN_INVALID'): void {
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_NAME_BYTES) return;
  throw new MillraceError(
    code,
    `${what} has ${bytes} bytes, and may have ${MAX_NAME_BYTES}: '${name.slice(0, SHOWN)}…'`,
    {
      hint: 'give it a shorter name',
    },
  );
}

const SHOWN = 40;
