/** The files of a spool as a start finds them: what is whole in them, and what a crash has left behind the end. */
import { dirname, join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Disk } from '../core/ports.ts';
import { type LineHead, readHead } from './spool-line.ts';

export interface Segment {
  readonly path: string;
  /** Bytes of whole, synced lines. */
  size: number;
}

export interface FoundSegments {
  readonly segments: Segment[];
  /** The first record that is not acknowledged, and where it begins in the first segment. */
  readonly position: number;
  readonly offset: number;
  readonly next: number;
}

const NAME = /(?:^|\/)buffer-(\d{16})\.jsonl$/;
const NEWLINE = 10;
const LINE = '{"n":';

/** Where a spool keeps its lines: files of its folder, one after the other, or one file of this path. */
export interface SpoolPlace {
  readonly folder: string;
  readonly file?: string | undefined;
}

/** Its name tells the number of its first record. */
export function segmentPath({ folder, file }: SpoolPlace, first: number): string {
  if (file !== undefined) return file;
  return join(folder, `buffer-${String(first).padStart(16, '0')}.jsonl`);
}

/**
 * Reads what is there, removes what has been acknowledged up to `sent` (exclusive), and cuts off what was never accepted.
 * @throws MillraceError STORE_FAILED when accepted records are damaged, or the one file is no spool's
 */
export async function openSegments(disk: Disk, place: SpoolPlace, sent: number): Promise<FoundSegments> {
  const paths = await pathsOf(disk, place);
  const segments: Segment[] = [];
  let next = sent;
  let position: number | undefined;
  let offset = 0;
  for (const [i, path] of paths.entries()) {
    const bytes = Buffer.from(await disk.read(path));
    if (place.file !== undefined) refuseForeign(path, bytes);
    // The one file is made when all before it has been acknowledged: its first record is not behind that.
    const first = Number(NAME.exec(path)?.[1] ?? sent);
    const scan = scanLines({ path, bytes, first, isLast: i === paths.length - 1 });
    // Numbers are never given twice: a record under an old one would count as acknowledged.
    next = Math.max(next, first, (scan.lines.at(-1)?.number ?? -1) + 1);
    const open = scan.lines.find(({ number }) => number >= sent);
    if (open === undefined) {
      await disk.remove(path);
      continue;
    }
    if (scan.size < bytes.length) await disk.truncate(path, scan.size);
    if (i === paths.length - 1) await makeDurable(disk, path, bytes.subarray(0, scan.size), scan.lines);
    if (position === undefined) {
      position = open.number;
      offset = open.start;
    }
    segments.push({ path, size: scan.size });
  }
  await disk.syncDir(folderOf(place));
  return { segments, position: position ?? next, offset, next };
}

async function pathsOf(disk: Disk, { folder, file }: SpoolPlace): Promise<string[]> {
  if (file !== undefined) return (await disk.size(file)) === undefined ? [] : [file];
  return (await disk.list(folder)).filter((name) => NAME.test(name)).map((name) => join(folder, name));
}

/** Of the files of lines. */
export function folderOf({ folder, file }: SpoolPlace): string {
  return file === undefined ? folder : dirname(file);
}

/** What is not ours must not be taken for an append that was cut off. */
function refuseForeign(path: string, bytes: Buffer): void {
  const start = bytes.toString('latin1', 0, LINE.length);
  // Of an append that was cut off, the beginning may be missing: then it reads as zeros.
  if (LINE.startsWith(start) || bytes[0] === 0) return;
  throw new MillraceError('STORE_FAILED', `${path} was not written by a spool: its first line is none of one`, {
    hint: 'move it away, or name another place for the spool (--spool DIR)',
  });
}

/**
 * The last append of the process before may have ended before its sync, or with a sync that failed, after which another one of the
 * same pages says nothing. What is appended next relies on it: so it is written once more.
 */
async function makeDurable(disk: Disk, path: string, bytes: Buffer, lines: readonly Line[]): Promise<void> {
  const { batch } = lines.at(-1)!;
  const { start } = lines.find((line) => line.batch === batch)!;
  await disk.write(path, start, bytes.subarray(start));
  await disk.sync(path);
}

interface Line extends LineHead {
  readonly start: number;
}

/** The whole lines of a file, and where they end. */
function scanLines(file: { path: string; bytes: Buffer; first: number; isLast: boolean }): {
  lines: Line[];
  size: number;
} {
  const { path, bytes, first, isLast } = file;
  const lines: Line[] = [];
  let size = 0;
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(NEWLINE, from);
    const head = end < 0 ? undefined : readHead(bytes.subarray(from, end));
    if (head === undefined) {
      const number = (lines.at(-1)?.number ?? first - 1) + 1;
      if (!isLast || isAcceptedBehind(bytes, from, { number, first })) throw damaged(path, from);
      break;
    }
    lines.push({ ...head, start: from });
    from = end + 1;
    size = from;
  }
  return { lines, size };
}

/**
 * Whether anything behind the line `broken`, which has this number or a higher one, was written when that line was durable.
 * A write that was cut off may well have left its end and not its beginning, but then the lines there are of its own batch.
 */
function isAcceptedBehind(
  bytes: Buffer,
  broken: number,
  { number, first }: { readonly number: number; readonly first: number },
): boolean {
  // By their beginnings, since it may be a newline that is broken. Within a line, quotes have a backslash before them.
  for (let from = bytes.indexOf(LINE, broken + 1); from > 0; from = bytes.indexOf(LINE, from + 1)) {
    const end = bytes.indexOf(NEWLINE, from);
    const head = end < 0 ? undefined : readHead(bytes.subarray(from, end));
    // A record in front of the first that can be unsent has been sent: all in front of it was accepted.
    if (head !== undefined && (head.batch > number || head.number < first)) return true;
  }
  return false;
}

export function damaged(path: string, offset: number): MillraceError {
  return new MillraceError('STORE_FAILED', `${path} is damaged at byte ${offset}: the line there is not whole`, {
    hint: 'records behind it were accepted: put the file back, or delete that line to go on without its record',
  });
}
