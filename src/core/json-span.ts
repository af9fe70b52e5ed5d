/** Finds where a member of a JSON object stands in its bytes, so that it can be taken out as it was written. */

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);

/**
 * Start and end of the value of the last member of that name, whatever stands between colon and comma, white space included;
 * `undefined` where there is none. `json` must be a valid JSON object; the name is found as it is written, without escapes.
 */
export function memberSpan(
  json: Uint8Array,
  name: string,
): { readonly start: number; readonly end: number } | undefined {
  const wanted = Buffer.from(JSON.stringify(name));
  let found: { start: number; end: number } | undefined;
  let depth = 0;
  /** Where the value of the member under way begins, −1 in front of its colon. */
  let start = -1;
  let isWanted = false;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) {
      const end = endOfText(json, at);
      if (depth === 1 && start < 0) isWanted = wanted.equals(json.subarray(at, end));
      at = end - 1;
    } else if (OPENING.has(byte)) depth++;
    else if (depth === 1 && byte === COLON) start = at + 1;
    else if (depth === 1 && (byte === COMMA || CLOSING.has(byte))) {
      if (isWanted) found = { start, end: at };
      start = -1;
      isWanted = false;
      if (byte !== COMMA) return found;
    } else if (CLOSING.has(byte)) depth--;
  }
  return found;
}

/** Behind the closing quote of the text that begins at `at`. */
function endOfText(json: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < json.length && json[end] !== QUOTE) end += json[end] === BACKSLASH ? 2 : 1;
  return end + 1;
}
