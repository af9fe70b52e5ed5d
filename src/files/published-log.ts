/** The log of a folder of whole files: one line of JSON for each file that was published, and for each that was pruned. */
import { dirname } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Disk } from '../core/ports.ts';
import { iso } from '../time/iso.ts';
import { DurableFile } from './durable-file.ts';

/** A line of the log. Paths are relative to the folder of the sink. */
export type PublishedLine =
  | {
      readonly published: string;
      readonly rows: number;
      readonly bytes: number;
      /** The checkpoint epoch that published it. */
      readonly checkpoint: number;
      /** ISO 8601, processing time. */
      readonly at: string;
    }
  | { readonly pruned: string; readonly checkpoint: number; readonly at: string };

export interface LogManifest {
  /** Length of the log without `pending`, in bytes. */
  readonly length: number;
  /** Written at `length` after the commit. */
  readonly pending: Uint8Array;
}

/** What happens in one checkpoint. */
export interface PublishedNow {
  readonly checkpoint: number;
  readonly now: number;
  readonly files: readonly { readonly target: string; readonly rows: number; readonly bytes: number }[];
  readonly pruned: readonly string[];
}

const NEWLINE = 10;
const READ_BYTES = 1 << 20;

/**
 * Lines are written behind the commit of the checkpoint that holds them: of published files when these have their names, of
 * pruned ones before they lose theirs. So a file that is not there any more is one that the log says was pruned, or one
 * that somebody else has taken. A log that was removed begins anew.
 */
export class PublishedLog {
  private readonly disk: Disk;
  private readonly path: string;
  private readonly file: DurableFile;
  /** Length with everything that was staged. */
  private length = 0;

  constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
    this.file = new DurableFile(disk, path);
  }

  /** The lines of a checkpoint, for its manifest. */
  stage({ checkpoint, now, files, pruned }: PublishedNow): LogManifest {
    const at = iso(now);
    const lines: readonly PublishedLine[] = [
      ...files.map(({ target, rows, bytes }) => ({ published: target, rows, bytes, checkpoint, at })),
      ...pruned.map((path) => ({ pruned: path, checkpoint, at })),
    ];
    const pending = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const manifest = { length: this.length, pending };
    this.length += pending.length;
    return manifest;
  }

  async publish({ length, pending }: LogManifest): Promise<void> {
    if (pending.length > 0) await this.file.write(length, pending);
  }

  /**
   * `isOurs`: the checkpoint was made over this folder; over another one it may have found any log here.
   * @throws MillraceError CHECKPOINT_MISMATCH when the log is not what the checkpoint left behind
   */
  async recover(manifest: LogManifest | undefined, isOurs: boolean): Promise<void> {
    await this.disk.mkdir(dirname(this.path));
    const start = manifest && (await this.startOf(manifest));
    if (manifest === undefined || (start === undefined && !isOurs)) {
      await this.takeOver();
      return;
    }
    if (start === undefined) throw await this.mismatch(manifest);
    await this.publish({ length: start, pending: manifest.pending });
    this.length = start + manifest.pending.length;
  }

  /** Files that were published and not pruned, oldest first. */
  async live(): Promise<string[]> {
    const live = new Set<string>();
    for await (const { line } of this.lines()) {
      if ('published' in line) live.add(line.published);
      else live.delete(line.pruned);
    }
    return [...live];
  }

  /** Goes on behind the whole lines of a log that no checkpoint knows: the pipeline was reset. */
  private async takeOver(): Promise<void> {
    this.length = 0;
    for await (const { end } of this.lines()) this.length = end;
    const size = (await this.disk.size(this.path)) ?? 0;
    if (size === this.length) return;
    await this.disk.truncate(this.path, this.length);
    await this.disk.sync(this.path);
  }

  /** Where `pending` belongs: behind what the checkpoint knows of, or at the start of a log that was removed since. */
  private async startOf({ length, pending }: LogManifest): Promise<number | undefined> {
    const size = (await this.disk.size(this.path)) ?? 0;
    if (size >= length && size <= length + pending.length) return length;
    if (size === 0) return 0;
    const found = size > pending.length ? undefined : await this.disk.read(this.path);
    // A crash can leave zeros where the length of a file reached the disk before its bytes did.
    return found?.every((byte, i) => byte === pending[i] || byte === 0) ? 0 : undefined;
  }

  private async mismatch({ length, pending }: LogManifest): Promise<MillraceError> {
    const size = (await this.disk.size(this.path)) ?? 0;
    const known = `the checkpoint knows it with ${length} to ${length + pending.length}`;
    return new MillraceError('CHECKPOINT_MISMATCH', `${this.path} has ${size} bytes, and ${known}`, {
      hint: 'the state or the output folder is an older or another one, or somebody else has written this log: put back what belongs together and start again, or begin anew with `millrace reset NAME --apply`',
    });
  }

  /** Whole lines and where they end, up to the first that is none. */
  private async *lines(): AsyncGenerator<{ readonly line: PublishedLine; readonly end: number }> {
    const size = (await this.disk.size(this.path)) ?? 0;
    let rest: Uint8Array = new Uint8Array(0);
    let end = 0;
    for (let at = 0; at < size; at += READ_BYTES) {
      rest = Buffer.concat([rest, await this.disk.read(this.path, at, Math.min(size, at + READ_BYTES))]);
      for (let to = rest.indexOf(NEWLINE); to >= 0; to = rest.indexOf(NEWLINE)) {
        const line = lineOf(Buffer.from(rest.subarray(0, to)).toString());
        if (line === undefined) return;
        end += to + 1;
        rest = rest.subarray(to + 1);
        yield { line, end };
      }
    }
  }
}

function lineOf(text: string): PublishedLine | undefined {
  try {
    const line = JSON.parse(text) as PublishedLine | null;
    return line !== null && typeof line === 'object' && ('published' in line || 'pruned' in line) ? line : undefined;
  } catch {
    // Half a line, or a hole in it: what a crash has left of the last ones.
    return undefined;
  }
}
