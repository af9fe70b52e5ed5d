/** What a decoder read in a batch of records: enough to tell that a value is still what its bytes say, and that it was valid. */
export class ScannedRows {
  /** The fields of every document, in the order in which they stand. */
  readonly names: readonly string[];
  /** The values by field and row. */
  readonly columns: readonly unknown[][];
  /** By row: 1 where the document stands as JSON.stringify would write it, 0 where it does not or was not scanned. */
  readonly plain: Uint8Array;
  /** The node behind the decoder whose schema the rows of `valid` fit; `undefined` where none was looked at. */
  readonly validFor: string | undefined;
  /** By row: 1 where the value fits, and the schema gives it back as it is; 0 where nobody knows. */
  readonly valid: Uint8Array;

  constructor(names: readonly string[], rows: number, validFor?: string) {
    this.names = names;
    this.columns = names.map(() => new Array<unknown>(rows));
    this.plain = new Uint8Array(rows);
    this.validFor = validFor;
    this.valid = validFor === undefined ? NONE : new Uint8Array(rows);
  }
}

const NONE = new Uint8Array(0);
