/** Starts the process that is tortured, and sees how it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ChildTask } from './child.ts';

const PATIENCE_MS = 90_000;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

export class Victim {
  readonly ended: Promise<Ending>;
  private readonly child: ChildProcess;
  private stdout = '';
  private readonly lines: { readonly word: string; readonly resolve: () => void }[] = [];

  constructor(task: ChildTask) {
    const args = ['--import', 'tsx', join(import.meta.dirname, 'child.ts'), JSON.stringify(task)];
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    this.child.stderr!.on('data', (data: Buffer) => (stderr += String(data)));
    this.child.stdout!.on('data', (data: Buffer) => {
      this.stdout += String(data);
      for (const { word, resolve } of this.lines) if (this.stdout.includes(word)) resolve();
    });
    this.child.stdin!.on('error', () => {});
    const patience = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS);
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        clearTimeout(patience);
        resolve({ code, signal, stderr });
      });
    });
  }

  /** Resolves when it has said the word, or has ended. */
  async said(word: string): Promise<boolean> {
    const heard = new Promise<void>((resolve) => {
      if (this.stdout.includes(word)) resolve();
      this.lines.push({ word, resolve });
    });
    await Promise.race([heard, this.ended]);
    return this.stdout.includes(word);
  }

  /** What it has said last. */
  get lastLine(): string {
    return this.stdout.trimEnd().split('\n').at(-1)!;
  }

  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}
