/** A small value in a file, written in place: two slots in turn, so that a write which is cut off leaves the one before. */
import { crc32 } from 'node:zlib';
import type { Disk } from '../core/ports.ts';
import { DurableFile } from '../files/durable-file.ts';
import { hex } from './spool-line.ts';

const SLOT_BYTES = 160;
const SLOTS = 2;

interface Slot<T> {
  readonly turn: number;
  readonly value: T;
}

/** `T` is plain JSON of less than about a hundred bytes. */
export class SlotFile<T> {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly file: DurableFile;
  private turn = 0;

  private constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
    this.file = new DurableFile(disk, path);
  }

  /** The file, and the newest value that is whole in it. */
  static async open<T>(disk: Disk, path: string): Promise<{ file: SlotFile<T>; value: T | undefined }> {
    const file = new SlotFile<T>(disk, path);
    const bytes = (await disk.size(path)) === undefined ? Buffer.alloc(0) : Buffer.from(await disk.read(path));
    const slots = Array.from({ length: SLOTS }, (_, i) =>
      decode<T>(bytes.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES)),
    );
    const newest = slots.reduce((a, b) => ((b?.turn ?? -1) > (a?.turn ?? -1) ? b : a));
    if (newest !== undefined) file.turn = newest.turn + 1;
    return { file, value: newest?.value };
  }

  /** Durable when it resolves, unless `sync` is false: then it outlives the process, and not the machine. */
  async write(value: T, sync = true): Promise<void> {
    const slot = encode({ turn: this.turn, value });
    await this.disk.write(this.path, (this.turn % SLOTS) * SLOT_BYTES, slot);
    this.turn++;
    if (sync) await this.file.sync();
  }
}

function encode(slot: Slot<unknown>): Buffer {
  const body = JSON.stringify(slot);
  const text = `${hex(crc32(body))} ${body}`;
  if (text.length >= SLOT_BYTES) throw new Error(`a slot holds ${SLOT_BYTES - 1} bytes, not ${text.length}`);
  return Buffer.from(`${text.padEnd(SLOT_BYTES - 1)}\n`);
}

function decode<T>(bytes: Buffer): Slot<T> | undefined {
  const text = bytes.toString().trimEnd();
  const body = text.slice(9);
  return body !== '' && text.slice(0, 8) === hex(crc32(body)) ? (JSON.parse(body) as Slot<T>) : undefined;
}
