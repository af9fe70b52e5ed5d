/**
 * The output of a folder of whole files, for formats that cannot be appended to: rows are staged as durable segments,
 * one a checkpoint epoch, and become a file under its final name only when the checkpoint that names it is committed.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Output } from '../core/operator.ts';
import type { Clock, Disk } from '../core/ports.ts';
import { iso } from '../time/iso.ts';
import type { OutputCredit } from './append-output.ts';

/** A file format, as the output needs it. */
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

export interface RollingOptions {
  /** Whose rows are staged: two pipelines, or groups of one, may write one folder, and each clears up after itself only. */
  readonly task?: string | undefined;
  /** Absolute. Everything in `.staging/PREFIX` inside it belongs to this output. */
  readonly dir: string;
  /** Begins every file name; one output a folder and prefix. */
  readonly prefix: string;
  /** A file is published at the first checkpoint so many ms of processing time after its first row. */
  readonly rollEveryMs: number;
  /** … or with so many rows … */
  readonly rollRows: number;
  /** … or with segments of so many bytes. */
  readonly rollBytes: number;
}

export interface StagedFile {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/** What the checkpoint holds of the folder. Names are relative to the staging folder. */
export interface RollingManifest {
  readonly dir: string;
  /** Format of the open segments. */
  readonly signature: string;
  /** Segments that no file holds yet, oldest first. */
  readonly open: readonly StagedFile[];
  /** Processing time of the first row in `open`, epoch ms; null when there is none. */
  readonly openedAt: number | null;
  /** Whole files that stand in the staging folder and go into `dir` under the same name behind the commit. */
  readonly files: readonly StagedFile[];
}

const STAGING = '.staging';
const SEGMENT = '.segment';

/**
 * A reader that lists the folder sees whole files only, and only such as a committed checkpoint names. A published file
 * is the reader's: it may be moved or deleted. A file that is there already is never written over.
 */
export class RollingOutput<T> implements Output {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly credit: OutputCredit;
  private readonly format: RollingFormat<T>;
  private readonly options: RollingOptions;
  private readonly staging: string;
  private writer: SegmentWriter<T>;
  private open: readonly StagedFile[] = [];
  /** Open segments of another format: they become a file of their own. */
  private outdated: readonly StagedFile[] = [];
  private openedAt: number | null = null;
  /** Segments that the files of the last seal hold. */
  private spent: readonly StagedFile[] = [];

  constructor(world: { disk: Disk; clock: Clock } & OutputCredit, format: RollingFormat<T>, options: RollingOptions) {
    this.disk = world.disk;
    this.clock = world.clock;
    this.credit = world;
    this.format = format;
    this.options = options;
    this.staging = join(options.dir, STAGING, options.prefix, options.task === undefined ? '' : folderOf(options.task));
    this.writer = format.begin();
  }

  append(values: readonly T[]): void {
    const before = this.writer.bytes;
    this.writer.add(values);
    this.credit.hold(this.writer.bytes - before);
    if (this.writer.rows > 0) this.openedAt ??= this.clock.now();
  }

  get idle(): boolean {
    return this.writer.rows === 0 && this.outdated.length === 0 && !this.isDueAt(this.clock.now());
  }

  seal(epoch: number, final: boolean): Promise<RollingManifest> {
    const now = this.clock.now();
    const due = final || this.isDueAt(now) || this.isFull();
    const openedAt = due ? null : this.openedAt;
    this.openedAt = openedAt;
    const taken = this.writer.rows === 0 ? undefined : this.writer;
    if (taken !== undefined) this.writer = this.format.begin();
    return this.stage(taken, due, { epoch, now, openedAt });
  }

  async publish(manifest: unknown): Promise<void> {
    await this.publishFiles(manifest as RollingManifest);
    for (const { name } of this.spent) await this.disk.remove(join(this.staging, name));
    this.spent = [];
  }

  /** @throws MillraceError CHECKPOINT_MISMATCH when staged segments are gone, or a file to be published has lost its name */
  async recover(manifest: unknown): Promise<void> {
    await this.disk.mkdir(this.staging);
    const known = manifest as RollingManifest | undefined;
    if (known !== undefined) {
      await this.publishFiles(known);
      await this.checkSegments(known);
      const sameFormat = known.signature === this.format.signature;
      this.open = sameFormat ? known.open : [];
      this.outdated = sameFormat ? [] : known.open;
      this.openedAt = sameFormat ? known.openedAt : null;
    }
    // What no checkpoint names was staged for one that was never committed, or is in a published file.
    const named = new Set(known?.open.map(({ name }) => name));
    for (const name of await this.disk.list(this.staging)) {
      if (!named.has(name)) await this.disk.remove(join(this.staging, name));
    }
  }

  private isDueAt(now: number): boolean {
    return this.openedAt !== null && now - this.openedAt >= this.options.rollEveryMs;
  }

  private isFull(): boolean {
    const { rollRows, rollBytes } = this.options;
    const sum = (field: 'rows' | 'bytes') => this.open.reduce((n, segment) => n + segment[field], this.writer[field]);
    return sum('rows') >= rollRows || sum('bytes') >= rollBytes;
  }

  private async stage(
    taken: SegmentWriter<T> | undefined,
    due: boolean,
    { epoch, now, openedAt }: { epoch: number; now: number; openedAt: number | null },
  ): Promise<RollingManifest> {
    const segments = taken === undefined ? this.open : [...this.open, await this.writeSegment(taken, epoch)];
    const closing = [this.outdated, due ? segments : []].filter((each) => each.length > 0);
    const files: StagedFile[] = [];
    for (const each of closing) files.push(await this.writeFile(await this.freeName(now, epoch), each));
    if (taken !== undefined || files.length > 0) await this.disk.syncDir(this.staging);
    this.credit.release(taken?.bytes ?? 0);
    this.spent = closing.flat();
    this.open = due ? [] : segments;
    this.outdated = [];
    const { signature } = this.format;
    return { dir: this.options.dir, signature, open: this.open, openedAt, files };
  }

  private async writeSegment(taken: SegmentWriter<T>, epoch: number): Promise<StagedFile> {
    const name = `${epoch}${SEGMENT}`;
    const bytes = taken.finish();
    await this.disk.write(join(this.staging, name), 0, bytes);
    await this.disk.sync(join(this.staging, name));
    return { name, rows: taken.rows, bytes: bytes.length };
  }

  private async writeFile(name: string, segments: readonly StagedFile[]): Promise<StagedFile> {
    const path = join(this.staging, name);
    let bytes = 0;
    for await (const piece of this.format.assemble(this.readSegments(segments))) {
      await this.disk.write(path, bytes, piece);
      bytes += piece.length;
    }
    await this.disk.sync(path);
    return { name, rows: segments.reduce((sum, { rows }) => sum + rows, 0), bytes };
  }

  private async *readSegments(segments: readonly StagedFile[]): AsyncGenerator<Uint8Array> {
    for (const { name } of segments) yield await this.disk.read(join(this.staging, name));
  }

  /** `metrics_20250101_000000_42.arrow`: prefix, UTC, checkpoint epoch; counted on where a reset has led there again. */
  private async freeName(now: number, epoch: number): Promise<string> {
    const [date, time] = iso(now).slice(0, 19).replaceAll(/[-:]/g, '').split('T');
    const stem = `${this.options.prefix}_${date}_${time}_${epoch}`;
    for (let n = 1; ; n++) {
      const name = `${stem}${n === 1 ? '' : `-${n}`}.${this.format.extension}`;
      const folders = [this.options.dir, this.staging];
      const sizes = await Promise.all(folders.map((folder) => this.disk.size(join(folder, name))));
      if (sizes.every((size) => size === undefined)) return name;
    }
  }

  private async publishFiles({ files, dir }: RollingManifest): Promise<void> {
    for (const { name } of files) {
      const [staged, target] = [join(this.staging, name), join(this.options.dir, name)];
      const isPublished = (await this.disk.size(target)) !== undefined;
      if ((await this.disk.size(staged)) === undefined) {
        // Renamed before a crash; where it has left the folder since, a reader has taken it.
        if (!isPublished && dir !== this.options.dir) throw this.mismatch(`${name} is not in ${this.staging}`, dir);
        continue;
      }
      if (isPublished)
        throw this.mismatch(`somebody else has written ${target}, a name that the checkpoint gives`, dir);
      await this.disk.rename(staged, target);
    }
    // Also after a rename of an earlier attempt: it may not have reached the disk.
    if (files.length > 0) await this.disk.syncDir(this.options.dir);
  }

  private async checkSegments({ open, dir }: RollingManifest): Promise<void> {
    for (const { name, bytes } of open) {
      const size = await this.disk.size(join(this.staging, name));
      if (size === bytes) continue;
      const problem = size === undefined ? 'is gone' : `has ${size} bytes instead of ${bytes}`;
      throw this.mismatch(`the staged segment ${join(this.staging, name)} ${problem}`, dir);
    }
  }

  private mismatch(problem: string, dir: string): MillraceError {
    const before = dir === this.options.dir ? '' : ` (the checkpoint was made when the folder was ${dir})`;
    return new MillraceError('CHECKPOINT_MISMATCH', `${problem}${before}`, {
      hint: 'put the folder back as it was, its .staging included, and start again, or begin anew with `millrace reset NAME --apply`',
    });
  }
}

/** A name of a task as a folder's: short, and free of what paths forbid. */
function folderOf(task: string): string {
  return createHash('sha256').update(task).digest('hex').slice(0, TASK_DIGITS);
}

const TASK_DIGITS = 12;
