/** What a command sees of the process it runs in; injected, so that tests can stand in for it. */
import type { Clock } from '../../core/ports.ts';

export interface Out {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** The package that runs, and how it is run. */
export interface Program {
  /** Folder of the package. */
  readonly home: string;
  readonly version: string;
  /** Imports a file of the user's, TypeScript or JavaScript. */
  importFile(file: string): Promise<object>;
}

export interface World extends Program {
  /** Arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdout: Out;
  readonly stderr: Out;
  readonly clock: Clock;
  /** Calls back at SIGINT, SIGTERM and when nobody reads stdout any more; the returned function ends that. */
  onStop(listener: (reason: StopReason) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Calls back every `ms` until the returned function is called. */
  every(ms: number, tick: () => void): () => void;
}

export type StopReason = 'signal' | 'closed-output';
