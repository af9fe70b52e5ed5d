/** The process: gives the real world to `main` and ends with its exit code. */
import { writeSync } from 'node:fs';
import { EXIT } from '../../core/errors.ts';
import { systemClock } from '../../time/clock.ts';
import { main } from './main.ts';
import type { Program, StopReason, World } from './world.ts';

/** Handles that a broken connection leaves open must not keep a finished command alive. */
const LINGER_MS = 1_000;

export function start(program: Program): void {
  const listeners = new Set<(reason: StopReason) => void>();
  const stop = (reason: StopReason): void => {
    for (const listener of listeners) listener(reason);
    if (listeners.size === 0) process.exit(reason === 'signal' ? EXIT.interrupted : EXIT.ok);
  };
  process.on('SIGINT', () => stop('signal'));
  process.on('SIGTERM', () => stop('signal'));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    stop('closed-output');
  });
  process.stderr.on('error', () => {});
  const world: World = {
    ...program,
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    onStop(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    exit: (code) => process.exit(code),
    every(ms, tick) {
      const timer = setInterval(tick, ms);
      return () => clearInterval(timer);
    },
  };
  main(world).then(end, (thrown: unknown) => {
    writeSync(2, `${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    end(EXIT.failed);
  });
}

function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(code), LINGER_MS).unref();
}
