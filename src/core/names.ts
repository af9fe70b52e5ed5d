/** Names that become a part of the state's keys, which the store bounds. */
import { type ErrorCode, MillraceError } from './errors.ts';

/** Bytes of UTF-8 that the name of a pipeline, a group or a stateful operator may have: a key of the store holds all three. */
export const MAX_NAME_BYTES = 255;

/** In a key of the store they part what stands behind each other, or are written as something else. */
const UNSAFE = /\p{Cc}/u;

/** @throws MillraceError `code` for a name that is too long, of which its message shows the beginning, or that no key can hold */
export function requireStorableName(what: string, name: string, code: ErrorCode = 'PLAN_INVALID'): void {
  if (UNSAFE.test(name) || !name.isWellFormed()) {
    throw new MillraceError(
      code,
      `${what} has a character that no name can have: ${JSON.stringify(name.slice(0, SHOWN))}`,
      {
        hint: 'leave out control characters and halves of characters',
      },
    );
  }
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
