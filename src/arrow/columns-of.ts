/** Columns from a schema: what its Standard JSON Schema says of each field. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { MillraceError } from '../core/errors.ts';
import { fieldsOfJson, type JsonSchema, Unmapped } from './column-of-json.ts';
import type { Column, Columns } from './columns.ts';

/** A column for each field of the schema's output. */
export type ColumnsOf<S extends StandardSchemaV1> = {
  readonly [K in keyof StandardSchemaV1.InferOutput<S> & string]-?: Column<StandardSchemaV1.InferOutput<S>[K]>;
};

/**
 * The columns of what a schema lets through, from its Standard JSON Schema: zod from 4.2, arktype from 2.1.28.
 *
 * Strings are utf8, and timestamps where their format is `date-time` (cut to ms, UTC); whole numbers are int32 where their
 * bounds fit, else int64; other numbers are float64; booleans, arrays (lists), objects (structs) and, with zod, Date
 * (timestamp) and bigint (int64). What may be null or missing is nullable. Spread it beside columns of your own, which stand
 * for what JSON has no type for: `{ ...columnsOf(Order), amount: decimal(18, 2) }`.
 *
 * @throws MillraceError PLAN_INVALID for a schema without fields or without a JSON Schema, and for every field that no column
 * fits, unless it is in `omit`
 * @example
 * ```ts
 * const Reading = z.object({ sensor: z.string(), celsius: z.number(), at: z.iso.datetime() });
 * const readings = kafka('readings').pipe(decodeJson(), validate(Reading), toDLQ('readings-dlq'));
 * const all = columnsOf(Reading);
 * const columns = { ...all, celsius: decimal(5, 2) };
 * export default pipeline('readings', readings.pipe(sinkParquet('readings', { columns })));
 * ```
 * @see https://standardschema.dev/json-schema
 */
export function columnsOf<S extends StandardSchemaV1>(schema: S, omit: readonly string[] = []): ColumnsOf<S> {
  const root = jsonSchemaOf(schema);
  const problems: string[] = [];
  const columns: Record<string, Column<unknown>> = {};
  for (const [name, column] of fieldsOf(root)) {
    if (omit.includes(name)) continue;
    const found = mapped(column);
    if (typeof found === 'string') problems.push(`the field '${name}' is ${found}`);
    else columns[name] = found;
  }
  if (problems.length > 0) {
    throw invalid(problems.join('; '), 'give such a field a column of its own in `columns`, or name it in `omit`');
  }
  return columns satisfies Columns as ColumnsOf<S>;
}

function fieldsOf(root: JsonSchema) {
  const fields = mapped(() => fieldsOfJson(root, root));
  if (typeof fields !== 'string') return fields;
  throw invalid(
    `what it lets through is ${fields}`,
    'let it be one object with named fields, or write the columns by hand',
  );
}

/** What `map` gives, or in words why it gives nothing. */
function mapped<T>(map: () => T): T | string {
  try {
    return map();
  } catch (thrown) {
    if (thrown instanceof Unmapped) return thrown.message;
    throw thrown;
  }
}

/** What a library may read of a zod schema. */
const ZOD = '_zod';

interface ZodStep {
  readonly zodSchema: { readonly [ZOD]: { readonly def: { readonly type: string } } };
  readonly jsonSchema: JsonSchema;
}

/** What zod has no JSON for, and columns do. */
const ZOD_OPTIONS = {
  unrepresentable: 'any',
  override({ zodSchema, jsonSchema }: ZodStep) {
    const { type } = zodSchema[ZOD].def;
    if (type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' });
    if (type === 'bigint') Object.assign(jsonSchema, { type: 'integer' });
  },
};

function jsonSchemaOf(schema: StandardSchemaV1): JsonSchema {
  const standard = schema['~standard'] as StandardSchemaV1['~standard'] & Partial<StandardJSONSchemaV1['~standard']>;
  if (typeof standard.jsonSchema?.output !== 'function') {
    throw invalid(
      `${standard.vendor} gives no Standard JSON Schema`,
      'write the columns by hand, or use zod 4.2 or arktype 2.1.28',
    );
  }
  const libraryOptions = standard.vendor === 'zod' ? ZOD_OPTIONS : undefined;
  try {
    return standard.jsonSchema.output({ target: 'draft-2020-12', libraryOptions });
  } catch (thrown) {
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    throw invalid(`${standard.vendor} gives no JSON Schema of it: ${words}`, 'write the columns by hand');
  }
}

function invalid(problem: string, hint: string): MillraceError {
  return new MillraceError('PLAN_INVALID', `there are no columns for the schema: ${problem}`, { hint });
}
