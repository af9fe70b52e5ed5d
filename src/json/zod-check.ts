/** Schemas of zod whose whole meaning is known, as code: zod walks its definition for every record. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
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
  if ((schema as Partial<StandardSchemaV1> | undefined)?.['~standard']?.vendor !== 'zod') return undefined;
  const def = definition(schema, ['type', 'shape', 'catchall', 'checks', 'error'], 'object');
  if (def === undefined || hasChecks(def)) return undefined;
  const shape = def.shape as Readonly<Record<string, unknown>>;
  if (Object.getOwnPropertySymbols(shape).length > 0) return undefined;
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
/** What zod makes itself; a type of somebody's own may do anything. */
const OF_ZOD = /^(?:\$|_)?Zod(?:Mini)?(?:Type|Object|ObjectJIT|String|Number|Boolean|Enum|Literal|Check[A-Za-z]*)$/;

type Definition = Readonly<Record<string, unknown>>;

interface Internals {
  readonly def?: Definition;
  readonly traits?: ReadonlySet<string>;
}

/** What defines a schema or check of zod's own, when it says no more than `known`. */
function definition(schema: unknown, known: readonly string[], type?: string): Definition | undefined {
  const { def, traits } = (schema as { readonly [ZOD]?: Internals } | undefined)?.[ZOD] ?? {};
  if (def === undefined || (type !== undefined && def.type !== type)) return undefined;
  if (traits === undefined || ![...traits].every((name) => OF_ZOD.test(name))) return undefined;
  return Object.keys(def).every((key) => known.includes(key)) ? def : undefined;
}

function hasChecks({ checks }: Definition): boolean {
  return Array.isArray(checks) && checks.length > 0;
}

/** `undefined` where the schema says more than is known here. */
function fieldTest(name: string, schema: unknown, constants: unknown[]): FieldTest | undefined {
  const def = definition(schema, ['type', 'checks', 'error', 'entries', 'values', 'coerce']);
  if (def === undefined || Boolean(def.coerce)) return undefined;
  const checks = (def.checks as readonly unknown[] | undefined) ?? [];
  const bounds = checks.map((check) => boundTest(check));
  const values = valuesOf(def);
  const test = values === undefined ? TYPE_TESTS[String(def.type)] : oneOf(values, constants);
  if (test === undefined || bounds.includes(undefined)) return undefined;
  const texts = values?.filter((each) => typeof each === 'string');
  const isTextOnly = checks.length === 0 && texts?.length === values?.length;
  return { name, condition: [test, ...bounds].join(' && '), texts: isTextOnly ? texts : undefined };
}

const TYPE_TESTS: Readonly<Record<string, string>> = {
  string: `typeof $ === 'string'`,
  number: `typeof $ === 'number' && $ - $ === 0`,
  boolean: `typeof $ === 'boolean'`,
};

/** Of an enumeration or a literal; `undefined` for anything else. */
function valuesOf({ type, entries, values }: Definition): readonly unknown[] | undefined {
  if (type === 'enum') return Object.values(entries as object);
  return type === 'literal' ? (values as readonly unknown[]) : undefined;
}

function oneOf(values: readonly unknown[], constants: unknown[]): string | undefined {
  return values.every(isPlain) ? `C[${constants.push(new Set(values)) - 1}].has($)` : undefined;
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

/** A condition under which a check is left out (`when`) only lets more through: what fails here is zod's to judge. */
function boundTest(check: unknown): string | undefined {
  const def = definition(check, ['check', 'value', 'inclusive', 'minimum', 'maximum', 'error', 'abort', 'when']);
  if (def === undefined) return undefined;
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
