/** A folder of whole files of which only the last ones are kept, as a reader sees it who remembers what it has seen. */
import { RollingOutput } from '../../src/files/rolling-output.ts';
import type { PublishedLine } from '../../src/files/published-log.ts';
import type { CrashDisk } from '../../src/testing/crash-disk.ts';
import type { Subject } from './crash-world.ts';
import { rowsOf, textFormat } from './text-format.ts';

const DIR = '/output/rows';
const LOG = `${DIR}/.published/rows.jsonl`;

export interface RetentionOptions {
  readonly keepFiles: number | undefined;
  readonly rollRows: number;
  /** Rows go to folders by turns. */
  readonly folders: number;
}

export class RetentionWorld implements Subject<RollingOutput<number>> {
  private readonly options: RetentionOptions;
  /** Every file that was ever seen. */
  private readonly seen = new Map<string, readonly number[]>();
  /** The disk that was looked at last. */
  disk!: CrashDisk;

  constructor(options: RetentionOptions) {
    this.options = options;
  }

  open(disk: CrashDisk, now: () => number): RollingOutput<number> {
    const { keepFiles, rollRows } = this.options;
    const world = { disk, clock: { now }, hold() {}, release() {} };
    const rolling = { dir: DIR, prefix: 'rows', rollEveryMs: 1_000, rollRows, rollBytes: 1_000_000, keepFiles };
    return new RollingOutput(world, textFormat('v1'), rolling);
  }

  append(output: RollingOutput<number>, from: number, to: number): void {
    for (let row = from; row < to; row++) output.append([row], this.folderOf(row));
  }

  /**
   * The rows of the files that are there and of those that the log says were pruned, in order, up to the first that no
   * file holds yet (folders open and close by themselves). Throws when a file is not whole, a row is in two files, or
   * the log and the folder contradict each other.
   */
  async visible(disk: CrashDisk): Promise<number[]> {
    this.disk = disk;
    const present = await filesOf(disk);
    for (const path of present) this.seen.set(path, rowsOf(await textOf(disk, `${DIR}/${path}`)));
    const lines = await this.log(disk);
    const { live, pruned } = this.checked(lines);
    const gone = live.filter((path) => !present.includes(path));
    if (gone.length > 0) throw new Error(`${gone.join()} vanished, and the log does not say so`);
    const rows = [...new Set([...present, ...pruned])].flatMap((path) => this.seen.get(path)!);
    rows.sort((a, b) => a - b);
    const twice = rows.find((row, i) => row === rows[i + 1]);
    if (twice !== undefined) throw new Error(`row ${twice} is in two files`);
    const gap = rows.findIndex((row, i) => row !== i);
    return this.options.folders > 1 && gap >= 0 ? rows.slice(0, gap) : rows;
  }

  /** Behind the last checkpoint: the log names every file, and those that are left are the last ones. */
  async assertSettled(): Promise<void> {
    const lines = await this.log(this.disk);
    const { live, pruned } = this.checked(lines);
    const present = await filesOf(this.disk);
    const names = (paths: readonly string[]) => paths.toSorted().join();
    if (names(present) !== names(live)) throw new Error(`${names(present)} are there, and ${names(live)} in the log`);
    if (names([...live, ...pruned]) !== names([...this.seen.keys()]))
      throw new Error('the log does not name every file');
    const { keepFiles } = this.options;
    const last = lines.findLast((line) => 'published' in line)?.checkpoint;
    const atOnce = lines.filter((line) => 'published' in line && line.checkpoint === last).length;
    const due = keepFiles === undefined ? this.seen.size : Math.min(this.seen.size, Math.max(keepFiles, atOnce));
    if (live.length !== due) throw new Error(`${live.length} files are left, and ${due} are to be kept`);
  }

  private folderOf(row: number): string {
    return this.options.folders === 1 ? '' : `part=${row % this.options.folders}`;
  }

  private checked(lines: readonly PublishedLine[]): { live: string[]; pruned: string[] } {
    const live: string[] = [];
    const pruned: string[] = [];
    for (const line of lines) {
      if ('published' in line) {
        const rows = this.seen.get(line.published);
        if (rows?.length !== line.rows) throw new Error(`${line.published} has ${rows?.length} rows, not ${line.rows}`);
        if (live.includes(line.published) || pruned.includes(line.published)) throw new Error('published twice');
        live.push(line.published);
        continue;
      }
      if (line.pruned !== live.shift()) throw new Error(`${line.pruned} was pruned and is not the oldest`);
      pruned.push(line.pruned);
    }
    return { live, pruned };
  }

  /** Whole lines, up to the first that a crash has torn. */
  private async log(disk: CrashDisk): Promise<PublishedLine[]> {
    if ((await disk.size(LOG)) === undefined) return [];
    const lines: PublishedLine[] = [];
    for (const line of (await textOf(disk, LOG)).split('\n').slice(0, -1)) {
      try {
        lines.push(JSON.parse(line) as PublishedLine);
      } catch {
        break;
      }
    }
    return lines;
  }
}

async function filesOf(disk: CrashDisk): Promise<string[]> {
  const inDir = (await disk.list(DIR)).filter((name) => !name.startsWith('.'));
  const folders = inDir.filter((name) => name.startsWith('part='));
  const inFolders = folders.map(async (folder) =>
    (await disk.list(`${DIR}/${folder}`)).map((name) => `${folder}/${name}`),
  );
  return [...inDir.filter((name) => !folders.includes(name)), ...(await Promise.all(inFolders)).flat()];
}

async function textOf(disk: CrashDisk, path: string): Promise<string> {
  return Buffer.from(await disk.read(path)).toString();
}
