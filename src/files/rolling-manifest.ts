/** What a checkpoint holds of a folder of whole files. */
import type { LogManifest } from './published-log.ts';

export interface StagedFile {
  /** In the staging folder. */
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

/** A whole file that waits for its name. */
export interface WholeFile extends StagedFile {
  /** Where it goes, relative to `dir`. */
  readonly target: string;
}

/** Segments that no file holds yet and that go into files of one folder. */
export interface OpenFolder {
  /** Relative to `dir`; empty for `dir` itself. */
  readonly folder: string;
  /** Processing time of the first row, epoch ms; null when there is none. */
  readonly openedAt: number | null;
  /** Oldest first. */
  readonly segments: readonly StagedFile[];
}

/** Names of segments and files are relative to the staging folder, all others to `dir`. */
export interface RollingManifest {
  readonly dir: string;
  /** Format of the open segments. */
  readonly signature: string;
  readonly open: readonly OpenFolder[];
  /** Whole files that stand in the staging folder and go into `dir` behind the commit. */
  readonly files: readonly WholeFile[];
  /** Published files to be removed behind the commit, oldest first. */
  readonly pruned: readonly string[];
  /** Published files that are kept, oldest first; `undefined` where all are. */
  readonly kept: readonly string[] | undefined;
  /** The log of what was published; `undefined` in a checkpoint from before there was one. */
  readonly log: LogManifest | undefined;
}

/** As checkpoints held it before there were folders, retention and a log: a file had the same name in both places. */
interface FormerManifest {
  readonly dir: string;
  readonly signature: string;
  readonly open: readonly StagedFile[];
  readonly openedAt: number | null;
  readonly files: readonly StagedFile[];
}

/** A manifest out of a checkpoint, of today's form or the former one. */
export function readManifest(manifest: unknown): RollingManifest {
  const found = manifest as RollingManifest | FormerManifest;
  if (!('openedAt' in found)) return found;
  const { dir, signature, open, openedAt, files } = found;
  return {
    dir,
    signature,
    open: open.length === 0 ? [] : [{ folder: '', openedAt, segments: open }],
    files: files.map((file) => ({ ...file, target: file.name })),
    pruned: [],
    kept: undefined,
    log: undefined,
  };
}
