/** A program of the state bench while it runs. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Sample, sampleOf } from './process-tree.ts';

const ERRORS_KEPT = 16_384;
/** Of Node when nothing is left to do, of the command line when it was interrupted, and of Java. */
const STOPPED: ReadonlySet<number | null> = new Set([0, 130, 143]);

/** Runs until it is killed or stopped; whatever else ends it is a failure. */
export class Program {
  /** Never resolves; rejects when the program has ended unasked. */
  readonly failure: Promise<never>;
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly ended: Promise<number | null>;
  private readonly endWithParent = (): void => void this.child.kill('SIGKILL');
  private isAsked = false;
  private errors = '';

  constructor([command, ...args]: readonly string[]) {
    this.child = spawn(command, args, { stdio: 'pipe' });
    this.child.stderr.on('data', (text) => (this.errors = `${this.errors}${text}`.slice(-ERRORS_KEPT)));
    // Nobody may have to wait for what it says to be read.
    this.child.stdout.resume();
    // A program that has ended takes no more commands; its end says so itself.
    this.child.stdin.on('error', () => {});
    process.on('exit', this.endWithParent);
    this.ended = new Promise((done, fail) => {
      this.child.on('error', fail);
      this.child.on('close', done);
    });
    this.failure = this.ended.then((code) => {
      process.off('exit', this.endWithParent);
      if (!this.isAsked) throw new Error(`${command} ended with ${code}:\n${this.errors}`);
      return new Promise<never>(() => {});
    });
    this.failure.catch(() => {});
  }

  onLine(take: (line: string) => void): void {
    createInterface({ input: this.child.stdout }).on('line', take);
  }

  say(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** Processor time and greatest memory so far. */
  usage(): Sample {
    return sampleOf(this.child.pid!);
  }

  /** Memory that is its own, without pages of files that it has mapped; 0 once it has ended. */
  anonymousMiB(): number {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
      return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  async kill(): Promise<void> {
    this.isAsked = true;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** @throws Error when it fails while it ends */
  async stop(): Promise<void> {
    this.isAsked = true;
    this.child.kill('SIGTERM');
    const code = await this.ended;
    if (!STOPPED.has(code)) throw new Error(`${this.child.spawnfile} ended with ${code}:\n${this.errors}`);
  }
}
