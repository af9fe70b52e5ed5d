/**
 * The output of a file that only grows: bytes are held in the checkpoint until it is committed and written to the file
 * after it, so that a reader never sees what may be undone.
 */
import { dirname } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Output } from '../core/operator.ts';
import type { Disk } from '../core/ports.ts';
import { DurableFile } from './durable-file.ts';

/** What the checkpoint holds of the file. */
export interface AppendManifest {
  readonly path: string;
  /** Length of the file without `pending`, in bytes. */
  readonly length: number;
  /** Written at `length` after the commit. */
  readonly pending: Uint8Array;
}

/** Where an output takes and gives back what it holds in memory. */
export interface OutputCredit {
  hold(bytes: number): void;
  release(bytes: number): void;
}

const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

/**
 * Nothing undecided is ever in the file. So a file that is longer than its checkpoint says holds bytes of somebody else's,
 * and is refused, as a shorter one is; only the bytes of `pending` themselves, or a part of them, may stand behind
 * `length`: a write that a crash has interrupted, which is made again. A file from before the first checkpoint is kept
 * and appended to.
 */
export class AppendOutput implements Output {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly file: DurableFile;
  private readonly credit: OutputCredit;
  private chunks: Uint8Array[] = [];
  private staged = 0;
  /** Length of the file with everything that was sealed. */
  private length = 0;
  private sealedBytes = 0;

  constructor(disk: Disk, path: string, credit: OutputCredit) {
    this.disk = disk;
    this.path = path;
    this.file = new DurableFile(disk, path);
    this.credit = credit;
  }

  /** Takes whole lines, with their newlines. */
  append(text: string): void {
    const bytes = Buffer.from(text);
    this.chunks.push(bytes);
    this.staged += bytes.length;
    this.credit.hold(bytes.length);
  }

  get idle(): boolean {
    return this.staged === 0;
  }

  async seal(): Promise<AppendManifest> {
    const pending = this.staged === 0 ? NOTHING : Buffer.concat(this.chunks, this.staged);
    const manifest = { path: this.path, length: this.length, pending };
    this.chunks = [];
    this.staged = 0;
    this.length += pending.length;
    this.sealedBytes = pending.length;
    return manifest;
  }

  /** @throws MillraceError CHECKPOINT_MISMATCH when somebody else has changed the file in the meantime */
  async publish(manifest: unknown): Promise<void> {
    const { length, pending } = manifest as AppendManifest;
    if (pending.length > 0) await this.write(length, pending);
    this.credit.release(this.sealedBytes);
    this.sealedBytes = 0;
  }

  /** @throws MillraceError CHECKPOINT_MISMATCH when the file is not what the checkpoint left behind */
  async recover(manifest: unknown): Promise<void> {
    await this.disk.mkdir(dirname(this.path));
    if (manifest === undefined) {
      this.length = (await this.disk.size(this.path)) ?? 0;
      await this.checkEndsWithLine();
      return;
    }
    const { length, pending } = manifest as AppendManifest;
    await this.write(length, pending);
    this.length = length + pending.length;
  }

  private async write(length: number, pending: Uint8Array): Promise<void> {
    await this.checkUnchanged(length, pending);
    if (pending.length > 0) await this.file.write(length, pending);
  }

  private async checkUnchanged(length: number, pending: Uint8Array): Promise<void> {
    const size = (await this.disk.size(this.path)) ?? 0;
    const end = length + pending.length;
    if (size < length || size > end) throw this.mismatch(size, length, end);
    if (size === length) return;
    const found = await this.disk.read(this.path, length, size);
    // A crash can leave zeros where the length of a file reached the disk before its bytes did.
    if (found.some((byte, i) => byte !== pending[i] && byte !== 0)) throw this.mismatch(size, length, end);
  }

  /** Half a line of somebody else's would spoil the first of ours. */
  private async checkEndsWithLine(): Promise<void> {
    if (this.length === 0 || (await this.disk.read(this.path, this.length - 1))[0] === NEWLINE) return;
    throw new MillraceError('CHECKPOINT_MISMATCH', `${this.path} does not end with a whole line`, {
      hint: 'it was not written by this pipeline: end its last line, move it away, or choose another path',
    });
  }

  private mismatch(size: number, length: number, end: number): MillraceError {
    const problem =
      size < length
        ? `is shorter than the checkpoint knows it: ${size} bytes of ${length}`
        : `has ${size} bytes, some of which the checkpoint does not know of: it was ${length} to ${end} long`;
    return new MillraceError('CHECKPOINT_MISMATCH', `${this.path} ${problem}`, {
      hint: 'somebody else has written, cut, moved or removed it, or the output folder is another one: put the file back as it was and start again, or begin anew with `millrace reset NAME --apply`',
    });
  }
}
