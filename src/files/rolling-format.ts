/** A file format, as the output of a folder of whole files needs it. */
export interface RollingFormat<T> {
  /** Of the file names, without the dot. */
  readonly extension: string;
  /** Columns and their types in words: segments that differ in it never share a file. */
  readonly signature: string;
  begin(): SegmentWriter<T>;
  /** The bytes of a whole file, piece by piece, from its segments, which are read one at a time. */
  assemble(segments: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
}

/** Collects the rows of one epoch in memory. */
export interface SegmentWriter<T> {
  readonly rows: number;
  /** Memory taken by the rows so far, about. */
  readonly bytes: number;
  add(values: readonly T[]): void;
  finish(): Uint8Array;
}
