/** The command line in a process of its own, as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

const BIN = resolve(import.meta.dirname, '../../bin/millrace.js');

export interface JsonEvent {
  readonly event: string;
  readonly message?: string;
  readonly code?: string;
}

export class MillraceProcess {
  /** Lines of stdout under `--json`, as they come. */
  readonly events: JsonEvent[] = [];
  stderr = '';
  readonly code: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
    let rest = '';
    this.child.stdout!.on('data', (data: Buffer) => {
      const lines = (rest + String(data)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.events.push(JSON.parse(line) as JsonEvent);
    });
    this.child.stderr!.on('data', (data: Buffer) => (this.stderr += String(data)));
    this.code = new Promise((done) => this.child.on('close', done));
  }

  /** Whether a notice with this text has been given. */
  hasSaid(text: string): boolean {
    return this.events.some(({ event, message }) => event === 'notice' && message?.includes(text) === true);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
