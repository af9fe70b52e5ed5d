/**
 * The output of a file that only grows: lines are held in the checkpoint until it is committed and written to the file
 * after it, so that a reader never sees what may be undone.
 */
import { dirname } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Output } from '../core/operator.ts';
import type { Disk } from '../core/ports.ts';

/** What the checkpoint holds of the file. */
export interface AppendManifest {
  readonly path: string;
  /** Length of the file without `pending`, in bytes. */
  readonly length: number;
  /** Written at `length` after the commit. */
  readonly pending: Uint8Array;
}

const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

export class AppendOutput implements Output {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly release: (bytes: number) => void;
  private readonly hold: (bytes: number) => void;
  private chunks: Uint8Array[] = [];
  private staged = 0;
  /** Length of the file with everything that was sealed. */
  private length = 0;
  private sealedBytes = 0;

  constructor(disk: Disk, path: string, credit: { hold(bytes: number): void; release(bytes: number): void }) {
    this.disk = disk;
    this.path = path;
    this.hold = (bytes) => credit.hold(bytes);
    this.release = (bytes) => credit.release(bytes);
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    this.chunks.push(bytes);
    this.staged += bytes.length;
    this.hold(bytes.length);
  }

  get idle(): boolean {
    return this.staged === 0;
  }

  async seal(): Promise<AppendManifest> {
    const pending = this.staged === 0 ? NOTHING : Buffer.concat(this.chunks);
    const manifest = { path: this.path, length: this.length, pending };
    this.chunks = [];
    this.staged = 0;
    this.length += pending.length;
    this.sealedBytes = pending.length;
    return manifest;
  }

  async publish(manifest: unknown): Promise<void> {
    await this.write(manifest as AppendManifest);
    this.release(this.sealedBytes);
    this.sealedBytes = 0;
  }

  /**
   * @throws MillraceError CHECKPOINT_MISMATCH when the file is not what the checkpoint left behind
   */
  async recover(manifest: unknown): Promise<void> {
    await this.disk.mkdir(dirname(this.path));
    const size = (await this.disk.size(this.path)) ?? 0;
    const known = manifest as AppendManifest | undefined;
    if (known === undefined || known.path !== this.path) {
      await this.checkEndsWithLine(size);
      this.length = size;
      return;
    }
    const end = known.length + known.pending.length;
    if (size < known.length || size > end) throw this.mismatch(size, known.length, end);
    // Between the two: a write that the crash interrupted. It is made again, whole.
    await this.write(known);
    this.length = end;
  }

  private async write({ length, pending }: AppendManifest): Promise<void> {
    if (pending.length === 0) return;
    const isNew = (await this.disk.size(this.path)) === undefined;
    await this.disk.write(this.path, length, pending);
    await this.disk.sync(this.path);
    if (isNew || length === 0) await this.disk.syncDir(dirname(this.path));
  }

  /** A file that is there already is appended to; half a line of somebody else's would spoil the first of ours. */
  private async checkEndsWithLine(size: number): Promise<void> {
    if (size === 0 || (await this.disk.read(this.path))[size - 1] === NEWLINE) return;
    throw new MillraceError('CHECKPOINT_MISMATCH', `${this.path} does not end with a whole line`, {
      hint: 'it was not written by this pipeline: move it away, or choose another path',
    });
  }

  private mismatch(size: number, length: number, end: number): MillraceError {
    const expected = length === end ? `${end}` : `${length} to ${end}`;
    return new MillraceError(
      'CHECKPOINT_MISMATCH',
      `${this.path} has ${size} bytes, and the checkpoint knows of ${expected}`,
      {
        hint: 'the file was changed, cut or removed by somebody else: put it back, or begin again with `pipeline reset NAME --apply`',
      },
    );
  }
}
