/** Values as JSON, for sinks. */
import { JsonWriter } from '../../src/json/json-writer.ts';

/** Writes values as JSON.stringify does. @throws TypeError for a value without a JSON form */
export type JsonText = (value: unknown) => string;

/**
 * For values that steps of ours have made (chunks that are `fresh`) by code made for their fields, where `codegen` is allowed. What a
 * callback has put together by a spread and more fields has a hidden class of its own each time: such code reads it slower than
 * JSON.stringify writes it.
 */
export function jsonText(codegen: boolean): (isFresh: boolean) => JsonText {
  if (!codegen) return () => stringified;
  const writer = new JsonWriter();
  const written: JsonText = (value) => writer.write(value) ?? stringified(value);
  return (isFresh) => (isFresh ? written : stringified);
}

function stringified(value: unknown): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`a value of type ${typeof value} has no JSON form`);
  return json;
}
