/** `--where field=value`: which records of a DLQ topic are meant. */
import { parseIso } from '../../time/iso.ts';
import type { Letter } from './letters.ts';

export interface Condition {
  readonly field: string;
  readonly operator: '=' | '!=' | '~' | '>=' | '<=';
  readonly value: string;
}

const FORM = /^(?<field>[\w.-]+?)(?<operator>!=|>=|<=|=|~)(?<value>[\s\S]*)$/;

/** What a condition can ask for; undefined where a record has no such thing. */
const FIELDS: Readonly<Record<string, (letter: Letter) => string | number | undefined>> = {
  reason: ({ record }) => record?.reason,
  kind: ({ record }) => record?.kind,
  step: ({ record }) => record?.step,
  topic: ({ record }) => record?.topic,
  partition: ({ record }) => record?.partition,
  offset: ({ record }) => record?.offset,
  failed_at: ({ record }) => record && new Date(record.failedAt).toISOString(),
  key: ({ key }) => key?.toString(),
  attempt: ({ attempts }) => attempts,
};
const HEADER = 'header.';
const PAYLOAD = 'payload.';

export const CONDITION_FORM = `FIELD=VALUE, FIELD!=VALUE, FIELD~PART, FIELD>=VALUE or FIELD<=VALUE, FIELD being one of ${Object.keys(FIELDS).join(', ')}, header.NAME or payload.PATH`;

/** `undefined` for a text that is no condition. */
export function parseCondition(text: string): Condition | undefined {
  const groups = FORM.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { field, operator, value } = groups;
  const isKnown = Object.hasOwn(FIELDS, field) || [HEADER, PAYLOAD].some((prefix) => isBelow(field, prefix));
  return isKnown ? { field, operator: operator as Condition['operator'], value } : undefined;
}

/** Whether a record meets all of them. One that has no such field meets `!=` only. */
export function meets(letter: Letter, conditions: readonly Condition[]): boolean {
  return conditions.every((condition) => meetsOne(fieldOf(letter, condition.field), condition));
}

function meetsOne(found: string | number | undefined, { operator, value }: Condition): boolean {
  if (found === undefined) return operator === '!=';
  const text = String(found);
  if (operator === '=') return text === value;
  if (operator === '!=') return text !== value;
  if (operator === '~') return text.includes(value);
  const order = compare(text, value);
  return operator === '>=' ? order >= 0 : order <= 0;
}

/** As numbers or as times where both are, else as texts. */
function compare(a: string, b: string): number {
  for (const read of [numberOf, parseIso]) {
    const [left, right] = [read(a), read(b)];
    if (!Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function fieldOf(letter: Letter, field: string): string | number | undefined {
  if (field.startsWith(HEADER)) {
    const headers = letter.record?.headers ?? letter.headers;
    const header = headers.findLast(({ key }) => key === field.slice(HEADER.length));
    return header && Buffer.from(header.value).toString();
  }
  if (field.startsWith(PAYLOAD)) return memberOf(letter, field.slice(PAYLOAD.length).split('.'));
  return FIELDS[field](letter);
}

/** A member of the payload, where that is JSON: a text as it is, anything else as JSON. */
function memberOf({ record }: Letter, path: readonly string[]): string | undefined {
  if (record === undefined || record.payload === null || record.form !== 'json') return undefined;
  let value: unknown = JSON.parse(record.payload.toString());
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isBelow(field: string, prefix: string): boolean {
  return field.startsWith(prefix) && field.length > prefix.length;
}
