/** The shape of a flat JSON object as it is written: which names, in which order, and what stands between the values. */

export type FieldKind = 'text' | 'number' | 'word';

export interface ShapeField {
  readonly name: string;
  /** What the value of the sample was; others are taken, too. */
  readonly kind: FieldKind;
  /** The bytes between the end of the value before and the start of this one: `{"id":`, `,"amount": `. */
  readonly before: string;
}

export interface Shape {
  readonly fields: readonly ShapeField[];
  /** The bytes behind the last value. */
  readonly after: string;
  /** Written without white space, as JSON.stringify writes it. */
  readonly isTight: boolean;
}

/** More fields than that, or longer documents, are left to JSON.parse. */
export const MAX_FIELDS = 64;
export const MAX_DOCUMENT = 128 * 1024;
/** What stands around the values becomes code, which takes far longer to make than to parse a document. */
const MAX_STRUCTURE = 4_096;

const SPACE = '[ \\t\\n\\r]*';
const TEXT = '"[ !#-\\[\\]-~]*"';
const VALUE = `${TEXT}|-?\\d[\\d.eE+-]*|true|false|null`;
const FIELD = new RegExp(`(${SPACE}[{,]${SPACE}"([ !#-\\[\\]-~]*)"${SPACE}:${SPACE})(${VALUE})`, 'y');
const END = new RegExp(`${SPACE}\\}${SPACE}$`, 'y');
/** Names that an object lists before all others, whatever their place in the text. */
const INDEX = /^(?:0|[1-9]\d{0,9})$/;

/**
 * The shape of `document`, or `undefined` for one that is not a flat object of plain ASCII texts, numbers, booleans and nulls
 * with names of its own.
 */
export function shapeOf(document: string): Shape | undefined {
  const fields: ShapeField[] = [];
  const names = new Set<string>();
  let at = 0;
  let structure = 0;
  for (;;) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(document);
    if (match === null) break;
    const [all, before, name, value] = match;
    if (before.trimStart()[0] !== (fields.length === 0 ? '{' : ',')) return undefined;
    if (names.has(name) || name === '__proto__' || INDEX.test(name) || fields.length === MAX_FIELDS) return undefined;
    structure += before.length;
    if (structure > MAX_STRUCTURE) return undefined;
    names.add(name);
    fields.push({ name, before, kind: value[0] === '"' ? 'text' : /[-\d]/.test(value[0]) ? 'number' : 'word' });
    at += all.length;
  }
  END.lastIndex = at;
  const after = END.exec(document)?.[0];
  if (after === undefined || after.length > MAX_STRUCTURE || fields.length === 0) return undefined;
  const isTight =
    after === '}' && fields.every(({ name, before }, i) => before === `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  return { fields, after, isTight };
}
