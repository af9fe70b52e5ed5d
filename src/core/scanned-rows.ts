/** What a decoder read in a batch of records: enough for an encoder to tell that a value is still what its bytes say. */
export class ScannedRows {
  /** The fields of every document, in the order in which they stand. */
  readonly names: readonly string[];
  /** The values by field and row. */
  readonly columns: readonly unknown[][];
  /** By row: 1 where the document stands as JSON.stringify would write it, 0 where it does not or was not scanned. */
  readonly plain: Uint8Array;

  constructor(names: readonly string[], rows: number) {
    this.names = names;
    this.columns = names.map(() => new Array<unknown>(rows));
    this.plain = new Uint8Array(rows);
  }
}
