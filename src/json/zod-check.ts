/** Schemas of zod whose whole meaning is known, as code: zod walks its definition for every record. */
import { compile, literal } from './codegen.ts';

/** What a schema asks of a field. */
export interface FieldTest {
  readonly name: string;
  /** A condition on `$`, the field's value. */
  readonly condition: string;
  /** The texts that it may be, where it may be nothing else. */
  readonly texts: readonly string[] | undefined;
}

/**
 * A schema under which a value is valid, and given back as it was, that has these fields in this order and no others. Of all other
 * values it says nothing.
 */
export interface FlatSchema {
  readonly fields: readonly FieldTest[];
  /** What the conditions know as `C`. */
  readonly constants: readonly unknown[];
}

/**
 * What a flat `z.object` of texts, finite numbers, booleans, literals and enumerations with bounds asks for; `undefined` for anything
 * else: transformations, refinements, defaults, nested objects, options, messages that depend on the value, other libraries.
 *
 * @see https://zod.dev/library-authors: `_zod.def` is what a library may read of a schema
 */
export function flatSchemaOf(schema: unknown): FlatSchema | undefined {
  const def = definition(schema, ['type', 'shape', 'catchall', 'checks', 'error'], 'object');
  if (def === undefined || hasChecks(def)) return undefined;
  const shape = def.shape as Readonly<Record<string, unknown>>;
  const names = Object.keys(shape);
  const constants: unknown[] = [];
  const fields = names.flatMap((name) => fieldTest(name, shape[name], constants) ?? []);
  if (names.length === 0 || names.some(isSpecial) || fields.length < names.length) return undefined;
  return { fields, constants };
}

/** Whether zod would accept the value and give back one that equals it, field order included. False: ask zod. */
export type ValueCheck = (value: unknown) => boolean;

/** `undefined` for a schema that is not known to be flat, and where no code can be made. */
export function zodCheck(schema: unknown): ValueCheck | undefined {
  const flat = flatSchemaOf(schema);
  if (flat === undefined) return undefined;
  const { fields, constants } = flat;
  const names = fields.map(({ name }) => name);
  const tests = fields.map(
    ({ name, condition }, i) =>
      `const x${i} = v[${literal(name)}]; if (!(${condition.replaceAll('$', `x${i}`)})) return false;`,
  );
  const body = `return function check(v) {
    if (typeof v !== 'object' || v === null || Object.getPrototypeOf(v) !== Object.prototype) return false;
    ${tests.join('\n')}
    let i = 0;
    for (const name in v) if (name !== NAMES[i++]) return false;
    return i === ${names.length};
  };`;
  return compile<(...given: unknown[]) => ValueCheck>(['NAMES', 'C'], body)?.(names, constants);
}

/** Names that an object does not keep in their place. */
function isSpecial(name: string): boolean {
  return name === '__proto__' || /^\d+$/.test(name);
}

const ZOD = '_zod';

type Definition = Readonly<Record<string, unknown>>;

/** What defines a schema or check, when it says no more than `known`. */
function definition(schema: unknown, known: readonly string[], type?: string): Definition | undefined {
  const { def } = (schema as { readonly [ZOD]?: { readonly def?: Definition } } | undefined)?.[ZOD] ?? {};
  if (def === undefined || (type !== undefined && def.type !== type)) return undefined;
  return Object.keys(def).every((key) => known.includes(key)) ? def : undefined;
}

function hasChecks({ checks }: Definition): boolean {
  return Array.isArray(checks) && checks.length > 0;
}

/** `undefined` where the schema says more than is known here. */
function fieldTest(name: string, schema: unknown, constants: unknown[]): FieldTest | undefined {
  const def = definition(schema, ['type', 'checks', 'error', 'entries', 'values', 'coerce']);
  if (def === undefined || def.coerce === true) return undefined;
  const checks = (def.checks as readonly unknown[] | undefined) ?? [];
  const bounds = checks.map((check) => boundTest(check));
  if (bounds.includes(undefined)) return undefined;
  const oneOf = (values: readonly unknown[]): string | undefined =>
    values.every(isPlain) ? `C[${constants.push(new Set(values)) - 1}].has($)` : undefined;
  const own = (): string | undefined => {
    switch (def.type) {
      case 'string':
        return `typeof $ === 'string'`;
      case 'number':
        return `typeof $ === 'number' && $ - $ === 0`;
      case 'boolean':
        return `typeof $ === 'boolean'`;
      case 'enum':
        return oneOf(Object.values(def.entries as object));
      case 'literal':
        return oneOf(def.values as readonly unknown[]);
      default:
        return undefined;
    }
  };
  const test = own();
  if (test === undefined) return undefined;
  const only = checks.length === 0 ? textsOf(def) : undefined;
  return { name, condition: [test, ...bounds].join(' && '), texts: only };
}

function textsOf({ type, entries, values }: Definition): readonly string[] | undefined {
  const all = type === 'enum' ? Object.values(entries as object) : type === 'literal' ? (values as unknown[]) : [];
  const texts = all.filter((each) => typeof each === 'string');
  return texts.length === 0 || texts.length < all.length ? undefined : texts;
}

/** A condition of a user's own may leave the check out; zod's own asks for a length only where there is one. */
function isAlwaysAsked({ when }: Definition): boolean {
  return when === undefined || (typeof when === 'function' && when.name === '_whenHasLength');
}

/** Enumerations of numbers hold their names among the values. */
function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

/** Length is counted in UTF-16 by some versions of zod, in characters by others: where that makes a difference, zod is asked. */
function atLeast(minimum: number): string {
  if (minimum <= 1) return `$.length >= ${minimum}`;
  return `($.length >= ${minimum * 2} || $.length >= ${minimum} && !/[\\ud800-\\udfff]/.test($))`;
}

function boundTest(check: unknown): string | undefined {
  const def = definition(check, ['check', 'value', 'inclusive', 'minimum', 'maximum', 'error', 'abort', 'when']);
  if (def === undefined || !isAlwaysAsked(def)) return undefined;
  const { value, minimum, maximum, inclusive } = def;
  switch (def.check) {
    case 'min_length':
      return typeof minimum === 'number' ? atLeast(minimum) : undefined;
    case 'max_length':
      return typeof maximum === 'number' ? `$.length <= ${maximum}` : undefined;
    case 'greater_than':
      return typeof value === 'number' ? `$ ${inclusive === true ? '>=' : '>'} ${value}` : undefined;
    case 'less_than':
      return typeof value === 'number' ? `$ ${inclusive === true ? '<=' : '<'} ${value}` : undefined;
    default:
      return undefined;
  }
}
