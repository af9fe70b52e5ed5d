/**
 * The output of a folder of whole files, for formats that cannot be appended to: rows are staged as durable segments,
 * one a checkpoint epoch, and become a file under its final name only when the checkpoint that names it is committed.
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { MillraceError } from '../core/errors.ts';
import type { Output } from '../core/operator.ts';
import type { Clock, Disk } from '../core/ports.ts';
import { iso } from '../time/iso.ts';
import type { OutputCredit } from './append-output.ts';
import { memoryOf, OpenRows, type RollWhen, type TakenRows } from './open-rows.ts';
import { PublishedLog } from './published-log.ts';
import type { RollingFormat, SegmentWriter } from './rolling-format.ts';
import {
  type OpenFolder,
  type RollingManifest,
  readManifest,
  type StagedFile,
  type WholeFile,
} from './rolling-manifest.ts';

export type { RollingFormat, SegmentWriter };

export interface RollingOptions extends RollWhen {
  /** Whose rows are staged: two pipelines, or groups of one, may write one folder, and each clears up after itself only. */
  readonly task?: string | undefined;
  /**
   * Another one whenever a process takes the task over: what one that was overtaken still writes must not come to lie in
   * what the other one stages for the same checkpoint.
   */
  readonly owner?: number | undefined;
  /** Absolute. Everything in `.staging/PREFIX` inside it belongs to this output. */
  readonly dir: string;
  /** Begins every file name; one output a folder and prefix. */
  readonly prefix: string;
  /**
   * Published files that are kept, the last ones; default all. Files that one checkpoint publishes together are kept
   * together, until the next one that publishes.
   */
  readonly keepFiles?: number | undefined;
}

/** A checkpoint under way. */
interface Epoch {
  readonly number: number;
  readonly now: number;
  readonly files: WholeFile[];
  /** Tells names from those of another task that writes this folder; empty where there is none. */
  readonly mark: string;
}

const STAGING = '.staging';
const PUBLISHED = '.published';
const SEGMENT = 'segment';
const WHOLE = 'whole';

/**
 * A reader that lists the folder sees whole files only, and only such as a committed checkpoint names. A published file
 * is the reader's: it may be moved or deleted. A file that is there already is never written over. Behind a commit files
 * get their names, then the log in `.published` tells of them and of those that are pruned, then these are removed; after
 * a crash at any of it the next start does it again, to the same end.
 */
export class RollingOutput<T> implements Output {
  private readonly disk: Disk;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly credit: OutputCredit;
  private readonly format: RollingFormat<T>;
  private readonly options: RollingOptions;
  private readonly staging: string;
  private readonly log: PublishedLog;
  private readonly rows: OpenRows<T>;
  /** Open segments of another format: they become files of their own. */
  private outdated: readonly OpenFolder[] = [];
  /** Segments that the files of the last seal hold. */
  private spent: readonly StagedFile[] = [];
  /** Published files, oldest first, where only the last ones are kept. */
  private kept: readonly string[] | undefined;

  constructor(
    world: { disk: Disk; clock: Pick<Clock, 'now'> } & OutputCredit,
    format: RollingFormat<T>,
    options: RollingOptions,
  ) {
    const { dir, prefix, task } = options;
    this.disk = world.disk;
    this.clock = world.clock;
    this.credit = world;
    this.format = format;
    this.options = options;
    this.staging = join(dir, STAGING, prefix, task === undefined ? '' : folderOf(task));
    const log = task === undefined ? prefix : `${prefix}-${folderOf(task)}`;
    this.log = new PublishedLog(world.disk, join(dir, PUBLISHED, `${log}.jsonl`));
    this.rows = new OpenRows(format, options);
  }

  /** `folder` is relative to that of the output, and makes it one file more. */
  append(values: readonly T[], folder = ''): void {
    this.credit.hold(this.rows.add(folder, values, this.clock.now()));
  }

  get idle(): boolean {
    return this.outdated.length === 0 && this.rows.isIdleAt(this.clock.now());
  }

  seal(epoch: number, final: boolean): Promise<RollingManifest> {
    const now = this.clock.now();
    return this.stage(this.rows.take(now, final), epoch, now);
  }

  async publish(manifest: unknown): Promise<void> {
    const known = readManifest(manifest);
    await this.publishFiles(known);
    if (known.log !== undefined) await this.log.publish(known.log);
    await this.prune(known);
    for (const { name } of this.spent) await this.disk.remove(join(this.staging, name));
    this.spent = [];
  }

  /**
   * @throws MillraceError CHECKPOINT_MISMATCH when staged segments are gone, a file to be published has lost its name, or
   * the log of what was published is not that of the checkpoint
   */
  async recover(manifest: unknown): Promise<void> {
    await this.disk.mkdir(this.staging);
    const known = manifest === undefined ? undefined : readManifest(manifest);
    const sameDir = known?.dir === this.options.dir;
    if (known !== undefined) await this.publishFiles(known);
    await this.log.recover(known?.log, sameDir);
    if (known !== undefined) {
      await this.prune(known);
      await this.checkSegments(known);
      const sameFormat = known.signature === this.format.signature;
      this.rows.restore(sameFormat ? known.open : [], this.clock.now());
      this.outdated = sameFormat ? [] : known.open;
    }
    const kept = sameDir ? known.kept : undefined;
    // Without a list in the checkpoint: it kept all files, or had another folder, or there is none.
    if (this.options.keepFiles !== undefined) this.kept = kept ?? (await this.log.live());
    // What no checkpoint names was staged for one that was never committed, or is in a published file.
    const named = new Set(known?.open.flatMap(({ segments }) => segments.map(({ name }) => name)));
    for (const name of await this.disk.list(this.staging)) {
      if (!named.has(name)) await this.disk.remove(join(this.staging, name));
    }
  }

  private async stage(taken: readonly TakenRows<T>[], number: number, now: number): Promise<RollingManifest> {
    const makesFiles = this.outdated.length > 0 || taken.some(({ closes }) => closes);
    const epoch: Epoch = { number, now, files: [], mark: makesFiles ? await this.mark() : '' };
    const open: OpenFolder[] = [];
    const spent: StagedFile[] = [];
    let freed = 0;
    for (const { folder, segments } of this.outdated) spent.push(...(await this.close(folder, segments, epoch)));
    for (const [i, { folder, openedAt, writer, segments: before, closes }] of taken.entries()) {
      const added = writer && (await this.writeSegment(writer, this.staged(`${epoch.number}-${i}`)));
      const segments = added === undefined ? before : [...before, added];
      if (writer !== undefined) freed += memoryOf(folder, writer);
      if (closes) {
        spent.push(...(await this.close(folder, segments, epoch)));
      } else {
        this.rows.staged(folder, segments);
        open.push({ folder, openedAt, segments });
      }
    }
    if (freed > 0 || epoch.files.length > 0) await this.disk.syncDir(this.staging);
    this.credit.release(freed);
    this.spent = spent;
    this.outdated = [];
    return this.manifestOf(open, epoch);
  }

  private manifestOf(open: readonly OpenFolder[], { number, now, files }: Epoch): RollingManifest {
    const { dir, keepFiles } = this.options;
    const older = this.kept ?? [];
    const isDue = keepFiles !== undefined && files.length > 0;
    const excess = isDue ? Math.max(0, older.length + files.length - keepFiles) : 0;
    const pruned = older.slice(0, excess);
    if (this.kept !== undefined) this.kept = [...older.slice(excess), ...files.map(({ target }) => target)];
    const log = this.log.stage({ checkpoint: number, now, files, pruned });
    return { dir, signature: this.format.signature, open, files, pruned, kept: this.kept, log };
  }

  private staged(stem: string): string {
    const { owner } = this.options;
    return owner === undefined ? stem : `${stem}-${owner}`;
  }

  private async writeSegment(writer: SegmentWriter<T>, stem: string): Promise<StagedFile> {
    const name = `${stem}.${SEGMENT}`;
    const bytes = writer.finish();
    await this.disk.write(join(this.staging, name), 0, bytes);
    await this.disk.sync(join(this.staging, name));
    return { name, rows: writer.rows, bytes: bytes.length };
  }

  /** Makes segments a whole file of the epoch; returns them. */
  private async close(folder: string, segments: readonly StagedFile[], epoch: Epoch): Promise<readonly StagedFile[]> {
    const target = await this.freeTarget(folder, epoch);
    const name = `${this.staged(`${epoch.number}-${epoch.files.length}`)}.${WHOLE}`;
    const path = join(this.staging, name);
    let bytes = 0;
    for await (const piece of this.format.assemble(this.readSegments(segments))) {
      await this.disk.write(path, bytes, piece);
      bytes += piece.length;
    }
    await this.disk.sync(path);
    epoch.files.push({ name, target, rows: segments.reduce((sum, { rows }) => sum + rows, 0), bytes });
    return segments;
  }

  private async *readSegments(segments: readonly StagedFile[]): AsyncGenerator<Uint8Array> {
    for (const { name } of segments) yield await this.disk.read(join(this.staging, name));
  }

  /**
   * Each task makes its staging folder before it looks for those of others: of two that write the same folder at most one
   * goes without a mark, and no file of one can have the name of another's.
   */
  private async mark(): Promise<string> {
    const { dir, prefix, task } = this.options;
    if (task === undefined) return '';
    const own = folderOf(task);
    const others = (await this.disk.list(join(dir, STAGING, prefix))).filter((name) => name !== own);
    return others.length === 0 ? '' : `-${own.slice(0, MARK_DIGITS)}`;
  }

  /** `metrics_20250101_000000_42.arrow`: prefix, UTC, checkpoint epoch; counted on where a reset has led there again. */
  private async freeTarget(folder: string, { number, now, files, mark }: Epoch): Promise<string> {
    const [date, time] = iso(now).slice(0, 19).replaceAll(/[-:]/g, '').split('T');
    const stem = join(folder, `${this.options.prefix}_${date}_${time}_${number}${mark}`);
    for (let n = 1; ; n++) {
      const target = `${stem}${n === 1 ? '' : `-${n}`}.${this.format.extension}`;
      const isTaken = files.some((file) => file.target === target);
      if (!isTaken && (await this.disk.size(join(this.options.dir, target))) === undefined) return target;
    }
  }

  private async publishFiles({ files, dir }: RollingManifest): Promise<void> {
    for (const { name, target } of files) {
      const [staged, path] = [join(this.staging, name), join(this.options.dir, target)];
      const isPublished = (await this.disk.size(path)) !== undefined;
      if ((await this.disk.size(staged)) === undefined) {
        // Renamed before a crash; where it has left the folder since, a reader has taken it.
        if (!isPublished && dir !== this.options.dir) throw this.mismatch(`${target} is not in ${this.staging}`, dir);
        continue;
      }
      if (isPublished) throw this.mismatch(`somebody else has written ${path}, a name that the checkpoint gives`, dir);
      if (dirname(target) !== '.') await this.disk.mkdir(dirname(path));
      await this.disk.rename(staged, path);
    }
    // Also after a rename of an earlier attempt: it may not have reached the disk.
    await this.syncFoldersOf(files.map(({ target }) => target));
  }

  /** Files of the log only, whole ones, each by one call: it is there, or it is not. */
  private async prune({ pruned }: RollingManifest): Promise<void> {
    for (const path of pruned) await this.disk.remove(join(this.options.dir, path));
    await this.syncFoldersOf(pruned);
  }

  /** Makes the names of files durable, or their removal. */
  private async syncFoldersOf(paths: readonly string[]): Promise<void> {
    const folders = new Set(paths.map((path) => dirname(join(this.options.dir, path))));
    for (const folder of folders) {
      // A folder that lists nothing may have been taken away with its files.
      if ((await this.disk.list(folder)).length === 0) await this.disk.mkdir(folder);
      await this.disk.syncDir(folder);
    }
  }

  private async checkSegments({ open, dir }: RollingManifest): Promise<void> {
    for (const { name, bytes } of open.flatMap(({ segments }) => segments)) {
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
const MARK_DIGITS = 6;
