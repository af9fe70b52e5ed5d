/** The column that holds all values of a JSON Schema. */
import { type Column, type Columns, type ColumnType, describeType, list, nullable, struct } from './columns.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A schema whose values no column holds, in words. */
export class Unmapped extends Error {}

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
/** Schemas that refer to schemas, before it is taken for a circle. */
const MAX_DEPTH = 64;

/** @throws Unmapped */
export function columnOfJson(schema: JsonSchema, root: JsonSchema, depth = 0): Column<unknown> {
  const all = alternatives(schema, root, depth);
  const types = all.filter(({ type }) => type !== 'null').map((each) => typeOf(each, root, depth));
  if (types.length === 0) throw new Unmapped(all.length > 0 ? 'always null' : 'never there');
  const column = { type: types.reduce(common), nullable: false };
  return types.length < all.length ? nullable(column) : column;
}

/** Names, and for each the column: a problem with one of them is told when it is asked for. */
export function fieldsOfJson(schema: JsonSchema, root: JsonSchema, depth = 0): [name: string, () => Column<unknown>][] {
  const all = alternatives(schema, root, depth);
  const [{ type, properties, required = [], additionalProperties }] = all;
  if (all.length > 1) throw new Unmapped(`one of ${all.length} kinds`);
  if (type !== 'object') throw new Unmapped('not an object');
  if (isNamed(additionalProperties)) throw new Unmapped('an object whose fields have no names');
  const fields = Object.entries((properties ?? {}) as Record<string, JsonSchema>);
  if (fields.length === 0) throw new Unmapped('an object without named fields');
  return fields.map(([name, field]) => {
    const isRequired = (required as readonly string[]).includes(name);
    return [
      name,
      () => {
        const column = columnOfJson(field, root, depth + 1);
        return isRequired ? column : nullable(column);
      },
    ];
  });
}

/** Whether further fields have a type of their own. */
function isNamed(additional: unknown): boolean {
  return typeof additional === 'object' && additional !== null && Object.keys(additional).length > 0;
}

/** The kinds of value that a schema allows, one by one. */
function alternatives(schema: JsonSchema, root: JsonSchema, depth: number): JsonSchema[] {
  if (depth > MAX_DEPTH) throw new Unmapped('made of itself');
  const { $ref, anyOf, oneOf, allOf, type } = schema;
  if (typeof $ref === 'string') return alternatives(referred($ref, root), root, depth + 1);
  const union = anyOf ?? oneOf;
  if (Array.isArray(union)) return union.flatMap((each: JsonSchema) => alternatives(each, root, depth + 1));
  if (Array.isArray(allOf) && type === undefined) {
    if (allOf.length === 1) return alternatives(allOf[0] as JsonSchema, root, depth + 1);
    throw new Unmapped('several types at once');
  }
  if (Array.isArray(type)) return type.map((each: string) => ({ ...schema, type: each }));
  const values = 'const' in schema ? [schema.const] : schema.enum;
  if (type === undefined && Array.isArray(values)) return values.map((value: unknown) => ({ type: jsonType(value) }));
  return [schema];
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function referred($ref: string, root: JsonSchema): JsonSchema {
  if (!$ref.startsWith('#')) throw new Unmapped(`described elsewhere (${$ref})`);
  const steps = $ref.split('/').slice(1);
  return steps.reduce((schema, step) => {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    return (schema[name] ?? {}) as JsonSchema;
  }, root);
}

function typeOf(schema: JsonSchema, root: JsonSchema, depth: number): ColumnType {
  const { type, format, items, prefixItems } = schema;
  switch (type) {
    case 'string':
      return { kind: format === 'date-time' ? 'timestamp' : 'utf8' };
    case 'boolean':
      return { kind: 'bool' };
    case 'number':
      return { kind: 'float64' };
    case 'integer':
      return { kind: fitsInt32(schema) ? 'int32' : 'int64' };
    case 'array':
      if (prefixItems !== undefined) throw new Unmapped('a tuple');
      if (typeof items !== 'object' || items === null) throw new Unmapped('an array of anything');
      return list(columnOfJson(items as JsonSchema, root, depth + 1)).type;
    case 'object':
      return struct(structOf(schema, root, depth)).type;
    default:
      throw new Unmapped('of no type that JSON Schema can name');
  }
}

function structOf(schema: JsonSchema, root: JsonSchema, depth: number): Columns {
  return Object.fromEntries(fieldsOfJson(schema, root, depth).map(([name, column]) => [name, column()]));
}

function fitsInt32({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): boolean {
  const least = typeof minimum === 'number' ? minimum : Number(exclusiveMinimum) + 1;
  const greatest = typeof maximum === 'number' ? maximum : Number(exclusiveMaximum) - 1;
  return least >= INT32_MIN && greatest <= INT32_MAX;
}

/** From narrow to wide. */
const NUMBERS = ['int32', 'int64', 'float64'] as const;

/** The type that holds values of both. */
function common(a: ColumnType, b: ColumnType): ColumnType {
  if (describeType(a) === describeType(b)) return a;
  const wider = NUMBERS.findLast((kind) => kind === a.kind || kind === b.kind);
  const areNumbers = [a, b].every(({ kind }) => (NUMBERS as readonly string[]).includes(kind));
  if (wider !== undefined && areNumbers) return { kind: wider };
  throw new Unmapped(`either ${describeType(a)} or ${describeType(b)}`);
}
