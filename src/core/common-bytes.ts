/** Bytes of texts that are likely to come again, such as the names of headers and what records are rejected for. */

const MAX_KNOWN = 512;
const MAX_LENGTH = 256;
const known = new Map<string, Buffer>();

/** A text as UTF-8; not to be written to. */
export function commonBytes(text: string): Buffer {
  const before = known.get(text);
  if (before !== undefined) return before;
  const bytes = Buffer.from(text);
  if (text.length > MAX_LENGTH) return bytes;
  if (known.size === MAX_KNOWN) known.clear();
  known.set(text, bytes);
  return bytes;
}
