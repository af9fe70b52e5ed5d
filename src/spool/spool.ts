/** Records that wait for their log, on disk and in order. */
import { join } from 'node:path';
import type { Disk } from '../core/ports.ts';
import type { OutgoingRecord } from './outgoing.ts';
import { damaged, folderOf, openSegments, type Segment, segmentPath, type SpoolPlace } from './segments.ts';
import { SlotFile } from './slot-file.ts';
import { decodeLine, encodeLine, readHead } from './spool-line.ts';

export interface SpoolOptions {
  readonly disk: Disk;
  readonly folder: string;
  /**
   * The one file of all lines, in place of several in the folder. It goes when the last of its records has been acknowledged;
   * none of its bytes are free before that.
   */
  readonly file?: string | undefined;
  /** Bytes that the spool may take on disk. */
  readonly maxBytes: number;
  /** Bytes at which another file is begun; a file goes when all of it has been acknowledged. */
  readonly segmentBytes?: number;
}

export interface SpooledRecord {
  readonly number: number;
  readonly record: OutgoingRecord;
}

export interface ReadLimits {
  readonly records: number;
  /** Of lines; one record is read whatever its size. */
  readonly bytes: number;
}

/** Where a line ends. */
interface LineEnd {
  readonly number: number;
  readonly offset: number;
}

const MAX_SEGMENT_BYTES = 16_777_216;
const MIN_SEGMENT_BYTES = 65_536;
/** A full spool has room again when so much of it has been sent. */
const SEGMENTS = 16;
const NEWLINE = 10;

/**
 * A queue of records in files of JSON lines. Numbers rise by 1 from record to record, over restarts too.
 *
 * Order: as appended. Delivery: what `append` has accepted is synced, and is read until it is acknowledged; so is the
 * acknowledgement. A crash in between repeats, and loses nothing. Bound: `maxBytes` on disk, one read in memory.
 *
 * One process at a time: the caller sees to it.
 */
export class Spool {
  readonly maxBytes: number;
  private readonly place: SpoolPlace;
  private readonly disk: Disk;
  private readonly segmentBytes: number;
  private readonly sent: SlotFile<number>;
  private segments: Segment[];
  /** Number of the next record to read, and where it begins in the first segment. */
  private position: number;
  private offset: number;
  private next: number;
  private lastRead: LineEnd[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  private failure: unknown;

  private constructor(
    options: SpoolOptions,
    found: { sent: SlotFile<number>; segments: Segment[]; position: number; offset: number; next: number },
  ) {
    const { maxBytes, disk, file } = options;
    this.place = options;
    this.maxBytes = maxBytes;
    this.disk = disk;
    const share = Math.floor(maxBytes / SEGMENTS);
    const usual = Math.max(MIN_SEGMENT_BYTES, Math.min(MAX_SEGMENT_BYTES, share));
    this.segmentBytes = file === undefined ? (options.segmentBytes ?? usual) : Number.POSITIVE_INFINITY;
    this.sent = found.sent;
    this.segments = found.segments;
    this.position = found.position;
    this.offset = found.offset;
    this.next = found.next;
  }

  /**
   * Opens the folder, and makes it where it is missing. What a crash left of an append that was never accepted is cut off.
   * @throws MillraceError STORE_FAILED when the folder cannot be used, or records that were accepted are damaged
   */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { disk, folder } = options;
    await disk.mkdir(folder);
    await disk.mkdir(folderOf(options));
    const { file, value } = await SlotFile.open<number>(disk, join(folder, 'sent'));
    return new Spool(options, { sent: file, ...(await openSegments(disk, options, value ?? 0)) });
  }

  /** Records that were accepted and not acknowledged. */
  get pending(): number {
    return this.next - this.position;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.segments.reduce((sum, { size }) => sum + size, 0);
  }

  /** The number that the next record gets. */
  get end(): number {
    return this.next;
  }

  /**
   * Appends as many of the records, from the first on, as there is room for, and returns how many: these are durable.
   * @throws MillraceError STORE_FAILED; the spool takes nothing after that
   */
  append(records: readonly OutgoingRecord[]): Promise<number> {
    return this.serial(async () => {
      if (this.failure !== undefined) throw this.failure;
      let accepted = 0;
      while (accepted < records.length) {
        const written = await this.appendToSegment(records, accepted).catch((thrown: unknown) => {
          this.failure = thrown;
          throw thrown;
        });
        if (written === 0) break;
        accepted += written;
      }
      return accepted;
    });
  }

  /** The oldest records that are not acknowledged; empty when there are none. The next read gives the same ones again. */
  read(limits: ReadLimits): Promise<SpooledRecord[]> {
    return this.serial(async () => {
      const [segment] = this.segments;
      this.lastRead = [];
      if (segment === undefined || this.pending === 0) return [];
      for (let bytes = limits.bytes; ; bytes *= 2) {
        const end = Math.min(this.offset + bytes, segment.size);
        const found = this.parse(segment, Buffer.from(await this.disk.read(segment.path, this.offset, end)), limits);
        if (found.length > 0 || end === segment.size) return found;
      }
    });
  }

  /** Up to (exclusive) this number, which the last read has given or is one behind: never read again. */
  acknowledge(number: number): Promise<void> {
    return this.serial(async () => {
      const last = this.lastRead.find((line) => line.number === number - 1);
      if (last === undefined) throw new Error(`record ${number - 1} of the spool was not read`);
      await this.sent.write(number);
      this.position = number;
      this.offset = last.offset;
      while (this.segments.length > 0 && this.offset === this.segments[0].size) {
        await this.disk.remove(this.segments[0].path);
        this.segments.shift();
        this.offset = 0;
      }
    });
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    await this.serial(async () => {});
  }

  /** Writes what fits into one segment, and syncs it; returns the number of records. */
  private async appendToSegment(records: readonly OutgoingRecord[], from: number): Promise<number> {
    const first = this.next;
    const room = this.maxBytes - this.bytes;
    const line = (i: number): Buffer => encodeLine({ number: first + i - from, batch: first }, records[i]);
    const lines = [line(from)];
    let size = lines[0].length;
    if (size > room) return 0;
    const segment = this.segmentFor(size, first);
    for (let i = from + 1; i < records.length; i++) {
      const more = line(i);
      if (size + more.length > room || segment.size + size + more.length > this.segmentBytes) break;
      lines.push(more);
      size += more.length;
    }
    await this.disk.write(segment.path, segment.size, Buffer.concat(lines, size));
    await this.disk.sync(segment.path);
    if (segment.size === 0) {
      await this.disk.syncDir(folderOf(this.place));
      this.segments.push(segment);
    }
    segment.size += size;
    this.next += lines.length;
    return lines.length;
  }

  private segmentFor(bytes: number, first: number): Segment {
    const last = this.segments.at(-1);
    if (last !== undefined && last.size + bytes <= this.segmentBytes) return last;
    return { path: segmentPath(this.place, first), size: 0 };
  }

  private parse(segment: Segment, bytes: Buffer, limits: ReadLimits): SpooledRecord[] {
    const found: SpooledRecord[] = [];
    for (let from = 0; found.length < limits.records; ) {
      const end = bytes.indexOf(NEWLINE, from);
      if (end < 0 || (found.length > 0 && end >= limits.bytes)) break;
      const line = bytes.subarray(from, end);
      const head = readHead(line);
      if (head === undefined) throw damaged(segment.path, this.offset + from);
      from = end + 1;
      found.push({ number: head.number, record: decodeLine(line) });
      this.lastRead.push({ number: head.number, offset: this.offset + from });
    }
    return found;
  }

  /** One after the other, in the order of the calls. */
  private serial<T>(action: () => Promise<T>): Promise<T> {
    const done = this.tail.then(action);
    this.tail = done.catch(() => {});
    return done;
  }
}
