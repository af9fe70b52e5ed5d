/** A disk that fails, for processes that a test starts: a preloaded library, or a small file system of memory. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, 'shim.c');
export const ERRNO = { EIO: 5, ENOSPC: 28 } as const;

export interface Fault {
  /** Absolute: what lies below it fails. */
  readonly folder: string;
  /** `short`: one write takes half of its bytes, and those behind it fail. */
  readonly call?: 'write' | 'sync' | 'short';
  readonly errno?: keyof typeof ERRNO;
  /** Calls of that kind that go well before. */
  readonly after?: number;
  /** Calls that fail; default all that follow. */
  readonly times?: number;
  /** Bytes that the file system says are free. */
  readonly free?: number;
}

export class FaultyDisk {
  private readonly library: string;

  /** @throws where there is no compiler, or not on Linux */
  constructor(folder: string) {
    this.library = join(folder, 'faulty-disk.so');
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', this.library, SOURCE, '-ldl'], { stdio: 'pipe' });
  }

  /** The environment of a process that is to meet the fault. */
  env({ folder, call, errno = 'EIO', after = 0, times = 0, free }: Fault): NodeJS.ProcessEnv {
    return {
      ...process.env,
      LD_PRELOAD: this.library,
      FAULT_DIR: folder,
      FAULT_CALL: call ?? 'none',
      FAULT_ERRNO: String(ERRNO[errno]),
      FAULT_AFTER: String(after),
      FAULT_LENGTH: String(times),
      FAULT_FREE: free === undefined ? '' : String(free),
    };
  }
}

/** A file system of so many bytes, until `remove`. */
export class SmallDisk {
  readonly folder: string;

  /** @throws where mounting is not permitted */
  constructor(folder: string, bytes: number) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'none', folder], { stdio: 'pipe' });
  }

  resize(bytes: number): void {
    execFileSync('mount', ['-o', `remount,size=${bytes}`, this.folder], { stdio: 'pipe' });
  }

  remove(): void {
    execFileSync('umount', ['--lazy', this.folder], { stdio: 'pipe' });
  }
}

/** Why faults cannot be made here, `undefined` where they can. */
export function whyNot(what: 'shim' | 'mount'): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fault-'));
  try {
    if (what === 'shim') execFileSync('true', { env: new FaultyDisk(folder).env({ folder }) });
    else new SmallDisk(join(folder, 'small'), 65_536).remove();
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: Buffer; message: string };
    return String(stderr ?? message).split('\n')[0] || message;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
