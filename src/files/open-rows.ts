/** Rows that no published file holds yet, by the folder that they go into. */
import type { RollingFormat, SegmentWriter } from './rolling-format.ts';
import type { OpenFolder, StagedFile } from './rolling-manifest.ts';

export interface RollWhen {
  /** A file is published at the first checkpoint so many ms of processing time after its first row. */
  readonly rollEveryMs: number;
  /** The same until the first of a run has been published for its age; default `rollEveryMs`. */
  readonly rollFirstMs?: number | undefined;
  /** … or with so many rows … */
  readonly rollRows: number;
  /** … or with segments of so many bytes. */
  readonly rollBytes: number;
}

/** What a checkpoint takes of one folder. */
export interface TakenRows<T> {
  readonly folder: string;
  readonly openedAt: number | null;
  /** Rows of this epoch; `undefined` when there are none. */
  readonly writer: SegmentWriter<T> | undefined;
  /** Segments of earlier epochs. */
  readonly segments: readonly StagedFile[];
  /** They become a file now. */
  readonly closes: boolean;
}

interface Folder<T> {
  readonly folder: string;
  openedAt: number;
  writer: SegmentWriter<T> | undefined;
  segments: readonly StagedFile[];
}

/** Folders that are open between two checkpoints; those opened first are closed beyond it. */
export const MAX_OPEN_FOLDERS = 100;
/** What the columns of one more folder take in memory, about, before they hold much. */
export const FOLDER_BYTES = 32 * 1024;

export class OpenRows<T> {
  private readonly format: RollingFormat<T>;
  private readonly when: RollWhen;
  private folders = new Map<string, Folder<T>>();
  /** Age at which files close just now. */
  private rollMs: number;

  constructor(format: RollingFormat<T>, when: RollWhen) {
    this.format = format;
    this.when = when;
    this.rollMs = when.rollFirstMs ?? when.rollEveryMs;
  }

  /** Adds rows to a folder; returns the memory that they take. */
  add(folder: string, values: readonly T[], now: number): number {
    if (values.length === 0) return 0;
    let into = this.folders.get(folder);
    if (into === undefined) {
      into = { folder, openedAt: now, writer: undefined, segments: [] };
      this.folders.set(folder, into);
    }
    const before = into.writer === undefined ? 0 : memoryOf(folder, into.writer);
    into.writer ??= this.format.begin();
    into.writer.add(values);
    return memoryOf(folder, into.writer) - before;
  }

  /** True when there are neither rows of this epoch nor folders whose time has come. */
  isIdleAt(now: number): boolean {
    for (const folder of this.folders.values())
      if (folder.writer !== undefined || this.isOld(folder, now)) return false;
    return true;
  }

  /** Takes the rows of the epoch; folders that close are forgotten, and opened anew by rows that come from now on. */
  take(now: number, final: boolean): TakenRows<T>[] {
    const taken = [...this.folders.values()].map((folder) => ({
      ...folder,
      closes: final || this.isOld(folder, now) || this.isFull(folder),
    }));
    if ([...this.folders.values()].some((folder) => this.isOld(folder, now))) this.rollMs = this.when.rollEveryMs;
    let tooMany = taken.filter(({ closes }) => !closes).length - MAX_OPEN_FOLDERS;
    // In the order in which they were opened.
    for (const each of taken) if (tooMany > 0 && !each.closes) [each.closes, tooMany] = [true, tooMany - 1];
    for (const { folder, closes } of taken) {
      if (closes) this.folders.delete(folder);
      else this.folders.get(folder)!.writer = undefined;
    }
    return taken;
  }

  /** The folder's rows stand in these segments now. */
  staged(folder: string, segments: readonly StagedFile[]): void {
    this.folders.get(folder)!.segments = segments;
  }

  restore(open: readonly OpenFolder[], now: number): void {
    const entries = open.map(({ folder, openedAt, segments }) => ({ folder, openedAt: openedAt ?? now, segments }));
    this.folders = new Map(entries.map((each) => [each.folder, { ...each, writer: undefined }]));
  }

  private isOld({ openedAt }: Folder<T>, now: number): boolean {
    return now - openedAt >= this.rollMs;
  }

  private isFull({ writer, segments }: Folder<T>): boolean {
    const sum = (field: 'rows' | 'bytes') => segments.reduce((n, segment) => n + segment[field], writer?.[field] ?? 0);
    return sum('rows') >= this.when.rollRows || sum('bytes') >= this.when.rollBytes;
  }
}

/** What a writer counts for. */
export function memoryOf(folder: string, writer: SegmentWriter<unknown>): number {
  return writer.bytes + (folder === '' ? 0 : FOLDER_BYTES);
}
