/**
 * The output of a folder of whole files: rows are staged as one durable segment an epoch, and become a file at the first
 * epoch past a trigger, by rename, under a name fixed in the checkpoint. Who lists the folder sees whole files only.
 */
import { join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Output } from '../core/operator.ts';
import type { Clock, Disk } from '../core/ports.ts';

/** A columnar format, as this output needs it. */
export interface SegmentFormat<T> {
  /** Without a dot. */
  readonly extension: string;
  encode(rows: readonly T[]): Uint8Array;
  /** One whole file of all rows of the segments, in order. */
  join(segments: readonly Uint8Array[]): Uint8Array;
}

export interface RollingOptions {
  /** First part of the file names. */
  readonly prefix: string;
  /** Age of the first row at which a file is published, milliseconds of processing time. */
  readonly rollEveryMs: number;
  readonly rollRows: number;
  readonly rollBytes: number;
}

/** What the checkpoint holds of the folder. */
export interface RollingManifest {
  readonly folder: string;
  /** Staged and not yet part of a file. */
  readonly segments: readonly Segment[];
  /** Processing time at which the first of them was staged. */
  readonly openedAt: number;
  /** A whole file that the commit publishes, and the segments that it replaces. */
  readonly file: { readonly staged: string; readonly name: string; readonly from: readonly string[] } | undefined;
}

interface Segment {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/** Hidden, so that readers of the folder pass it over. */
const STAGING = '.staging';
/** What a row costs in memory until its segment is written. */
const ROW_BYTES = 256;

export class RollingOutput<T> implements Output {
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly folder: string;
  private readonly staging: string;
  private readonly format: SegmentFormat<T>;
  private readonly options: RollingOptions;
  private readonly credit: { hold(bytes: number): void; release(bytes: number): void };
  private rows: T[] = [];
  private segments: readonly Segment[] = [];
  private openedAt = 0;

  constructor(
    ports: { disk: Disk; clock: Clock; hold(bytes: number): void; release(bytes: number): void },
    folder: string,
    format: SegmentFormat<T>,
    options: RollingOptions,
  ) {
    this.disk = ports.disk;
    this.clock = ports.clock;
    this.credit = ports;
    this.folder = folder;
    this.staging = join(folder, STAGING);
    this.format = format;
    this.options = options;
  }

  append(row: T): void {
    this.rows.push(row);
    this.credit.hold(ROW_BYTES);
  }

  get idle(): boolean {
    return this.rows.length === 0 && !this.isDue(false);
  }

  async seal(epoch: number, final: boolean): Promise<RollingManifest> {
    const rows = this.rows;
    this.rows = [];
    const bytes = rows.length === 0 ? undefined : this.format.encode(rows);
    this.credit.release(rows.length * ROW_BYTES);
    if (bytes !== undefined) await this.stage(epoch, rows.length, bytes);
    if (!this.isDue(final)) return this.manifest(undefined);
    const file = await this.build(epoch);
    this.segments = [];
    return this.manifest(file);
  }

  async publish(manifest: unknown): Promise<void> {
    const { file } = manifest as RollingManifest;
    if (file === undefined) return;
    const target = join(this.folder, file.name);
    const staged = join(this.staging, file.staged);
    if ((await this.disk.size(staged)) !== undefined) await this.disk.rename(staged, target);
    else if ((await this.disk.size(target)) === undefined) throw this.missing(target);
    await this.disk.syncDir(this.folder);
    for (const name of file.from) await this.disk.remove(join(this.staging, name));
  }

  /** @throws MillraceError CHECKPOINT_MISMATCH when a staged segment, or a file that was to be published, is gone */
  async recover(manifest: unknown): Promise<void> {
    await this.disk.mkdir(this.staging);
    const known = manifest as RollingManifest | undefined;
    const ours = known?.folder === this.folder ? known : undefined;
    if (ours !== undefined) await this.publish(ours);
    this.segments = ours?.segments ?? [];
    this.openedAt = ours?.openedAt ?? 0;
    const present = await this.disk.list(this.staging);
    for (const { name } of this.segments) {
      if (!present.includes(name)) throw this.missing(join(this.staging, name));
    }
    // What no checkpoint names was staged for an epoch that was never committed.
    const named = new Set(this.segments.map(({ name }) => name));
    for (const name of present) if (!named.has(name)) await this.disk.remove(join(this.staging, name));
  }

  private isDue(final: boolean): boolean {
    if (this.segments.length === 0) return false;
    const { rollEveryMs, rollRows, rollBytes } = this.options;
    const total = (of: 'rows' | 'bytes') => this.segments.reduce((sum, segment) => sum + segment[of], 0);
    const isOld = this.clock.now() - this.openedAt >= rollEveryMs;
    return final || isOld || total('rows') >= rollRows || total('bytes') >= rollBytes;
  }

  private async stage(epoch: number, rows: number, bytes: Uint8Array): Promise<void> {
    if (this.segments.length === 0) this.openedAt = this.clock.now();
    const name = `segment-${epoch}`;
    await this.writeDurably(name, bytes);
    this.segments = [...this.segments, { name, rows, bytes: bytes.length }];
  }

  private async build(epoch: number): Promise<RollingManifest['file']> {
    const from = this.segments.map(({ name }) => name);
    const parts: Uint8Array[] = [];
    for (const name of from) parts.push(await this.disk.read(join(this.staging, name)));
    const staged = `file-${epoch}`;
    await this.writeDurably(staged, this.format.join(parts));
    return { staged, name: await this.freeName(epoch), from };
  }

  private async writeDurably(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.staging, name);
    // A longer file of the same name may be left of an epoch that was never committed.
    await this.disk.remove(path);
    await this.disk.write(path, 0, bytes);
    await this.disk.sync(path);
    await this.disk.syncDir(this.staging);
  }

  /** `metrics_20240101_120000_42.arrow`; a file of that name that is there already is somebody else's and stays. */
  private async freeName(epoch: number): Promise<string> {
    const [day, time] = new Date(this.clock.now()).toISOString().replaceAll(/[-:]/g, '').split(/[T.]/);
    for (let copy = 1; ; copy++) {
      const suffix = copy === 1 ? '' : `_${copy}`;
      const name = `${this.options.prefix}_${day}_${time}_${epoch}${suffix}.${this.format.extension}`;
      if ((await this.disk.size(join(this.folder, name))) === undefined) return name;
    }
  }

  private manifest(file: RollingManifest['file']): RollingManifest {
    return { folder: this.folder, segments: this.segments, openedAt: this.openedAt, file };
  }

  private missing(path: string): MillraceError {
    return new MillraceError('CHECKPOINT_MISMATCH', `${path} is gone, and the checkpoint says that it was staged`, {
      hint: 'somebody removed it: put it back, or begin again with `pipeline reset NAME --apply`',
    });
  }
}
