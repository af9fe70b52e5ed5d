/** What state may be made of, and what is said of the rest. */
import type { Key } from '../core/element.ts';
import { MillraceError, messageOf } from '../core/errors.ts';

const PLAIN_DATA = 'objects, arrays, Maps, dates, strings, numbers, bigints, booleans and byte arrays';
/** Of a key or a path, which may be of any length. */
const MAX_SHOWN = 100;

/**
 * Whether an object would come back as something else: a Set, an Error, the numbers of a typed array. Not to be asked of those
 * that have a form of their own: arrays, Maps, dates and byte arrays.
 */
export function isForeign(object: object): boolean {
  return Object.prototype.toString.call(object) !== '[object Object]';
}

/** What in a value is no plain data, and where. Slow: to be asked when the value could not be packed. */
export function notPlain(value: unknown): TypeError | undefined {
  const found = foreignIn(value, [], new Set());
  return found === undefined ? undefined : new TypeError(`state must be plain data (${PLAIN_DATA}); found ${found}`);
}

/** What an operator keeps under a key could not be packed. */
export function cannotKeep(operator: string | undefined, key: Key, thrown: unknown): MillraceError {
  const shown = typeof key === 'number' ? key : `'${short(key)}'`;
  return new MillraceError('CALLBACK_FAILED', `what was put under key ${shown} cannot be kept: ${messageOf(thrown)}`, {
    place: { operator },
    hint: 'let the callback keep plain data, such as [...set] of a Set or Array.from(numbers) of a typed array, and start again: the pipeline goes on from its last checkpoint',
    cause: thrown,
  });
}

function foreignIn(value: unknown, path: readonly string[], above: Set<object>): string | undefined {
  const at = path.length === 0 ? '' : ` under '${short(path.join('.'))}'`;
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}${at}`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.has(value)) return `a cycle${at}`;
  const children = childrenOf(value);
  if (children === undefined) return `${kindOf(value)}${at}`;
  above.add(value);
  for (const [name, child] of children) {
    const found = foreignIn(child, [...path, name], above);
    if (found !== undefined) return found;
  }
  above.delete(value);
  return undefined;
}

/** What is packed of an object, by name; `undefined` where it is none to be packed. */
function childrenOf(object: object): readonly (readonly [name: string, child: unknown])[] | undefined {
  if (object instanceof Uint8Array || object instanceof Date) return [];
  if (Array.isArray(object)) return object.map((entry, i) => [String(i), entry] as const);
  if (object instanceof Map) {
    return Array.from(object as Map<unknown, unknown>).flatMap(([key, entry], i) => {
      const name = typeof key === 'string' || typeof key === 'number' ? String(key) : String(i);
      return [[name, key] as const, [name, entry] as const];
    });
  }
  const { constructor, toJSON } = object as { readonly constructor: unknown; readonly toJSON?: unknown };
  if (constructor !== Object && typeof toJSON === 'function') return [['toJSON()', toJSON.call(object)]];
  return constructor !== Object && isForeign(object) ? undefined : Object.entries(object);
}

function kindOf(object: object): string {
  const kind = Object.prototype.toString.call(object).slice('[object '.length, -1);
  return `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

function short(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
