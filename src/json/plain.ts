/** What JSON.stringify writes without calling anything of a value's own making. */

/** Whether `value` is an object of which its own enumerable fields are written, and nothing else. */
export function isPlainObject(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    !('toJSON' in value)
  );
}

/** Whether objects have no enumerable fields but their own: somebody may have given all of them one. */
export function isObjectPlain(): boolean {
  // oxlint-disable-next-line guard-for-in -- what is inherited is what is looked for
  for (const _ in {}) return false;
  return true;
}

/** The JSON of a text, number, boolean or null; `undefined` for anything else. */
export function scalarJson(value: unknown): string | undefined {
  const type = typeof value;
  if (value !== null && type !== 'string' && type !== 'number' && type !== 'boolean') return undefined;
  return JSON.stringify(value);
}
