/** A file whose bytes, and whose name, are on the disk when a write of it has returned. */
import { dirname } from 'node:path';
import type { Disk } from '../core/ports.ts';

export class DurableFile {
  private readonly disk: Disk;
  private readonly path: string;
  private nameIsDurable = false;

  constructor(disk: Disk, path: string) {
    this.disk = disk;
    this.path = path;
  }

  async write(at: number, bytes: Uint8Array): Promise<void> {
    await this.disk.write(this.path, at, bytes);
    await this.sync();
  }

  /** For what was written without it. */
  async sync(): Promise<void> {
    await this.disk.sync(this.path);
    if (this.nameIsDurable) return;
    await this.disk.syncDir(dirname(this.path));
    this.nameIsDurable = true;
  }
}
