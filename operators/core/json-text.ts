/** Values as JSON, for sinks. */
import { JsonWriter } from '../../src/json/json-writer.ts';

/** Writes values as JSON.stringify does, where `codegen` is allowed by code made for their fields. @throws TypeError for a value without a JSON form */
export function jsonText(codegen: boolean): (value: unknown) => string {
  const writer = codegen ? new JsonWriter() : undefined;
  return (value) => writer?.write(value) ?? stringified(value);
}

function stringified(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a value of type ${typeof value} has no JSON form`);
  return json;
}
