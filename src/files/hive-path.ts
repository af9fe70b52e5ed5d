/** Folders of partitions, as Hive names them: `date=2025-01-01/country=DE`. */

/** The columns of a partition and their values, in the order of the folders. */
export type HivePartition = Readonly<Record<string, string | number | bigint | boolean | null>>;

/** What Hive escapes: control characters, and those that mean something in a path or a pattern. */
const SPECIAL = /[^ -~\u0080-\u{10ffff}]|["#%'*/:=?\\{[\]^]/gu;
const NOTHING = '__HIVE_DEFAULT_PARTITION__';
/** Bytes that a name in a folder may have on the usual file systems. */
const MAX_NAME_BYTES = 255;

/**
 * The folder of a partition, without slashes at its ends.
 * @throws RangeError when there is no such folder
 * @see https://github.com/apache/hive/blob/master/common/src/java/org/apache/hadoop/hive/common/FileUtils.java
 */
export function hivePath(partition: HivePartition): string {
  const names = Object.entries(partition).map(([column, value]) => folderName(column, value));
  if (names.length === 0) throw new RangeError('the partition has no column');
  return names.join('/');
}

function folderName(column: string, value: HivePartition[string]): string {
  if (column === '') throw new RangeError('a column of the partition has no name');
  if (value === undefined || (typeof value === 'object' && value !== null) || typeof value === 'function') {
    throw new RangeError(`column '${column}' of the partition is neither text, number, boolean nor null`);
  }
  const text = value === null || value === '' ? NOTHING : escaped(String(value));
  const name = `${escaped(column)}=${text}`;
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new RangeError(`column '${column}' makes a folder name of more than ${MAX_NAME_BYTES} bytes`);
  }
  return name;
}

function escaped(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(SPECIAL, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
