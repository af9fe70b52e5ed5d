/** The process: gives the real world to `main` and ends with its exit code. */
import { writeSync } from 'node:fs';
import { EXIT } from '../../core/errors.ts';
import { systemClock } from '../../time/clock.ts';
import { stackOf } from './failure.ts';
import { letHeapGrow } from './heap.ts';
import { leave } from './leave.ts';
import { main } from './main.ts';
import type { Program, StopReason, World } from './world.ts';

/** Handles that a broken connection leaves open must not keep a finished command alive. */
const LINGER_MS = 1_000;

export function start(program: Program): void {
  letHeapGrow();
  const listeners = new Set<(reason: StopReason) => void>();
  const stop = (reason: StopReason): void => {
    for (const listener of listeners) listener(reason);
    if (listeners.size === 0) void leave(reason === 'signal' ? EXIT.interrupted : EXIT.ok);
  };
  let failed = false;
  const fail = (text: string): void => {
    if (!failed) tell(text);
    failed = true;
  };
  process.on('SIGINT', () => stop('signal'));
  process.on('SIGTERM', () => stop('signal'));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') fail(`stdout cannot be written, so this stops: ${error.message}`);
    stop('closed-output');
  });
  process.stderr.on('error', () => {});
  process.on('uncaughtException', (thrown) => {
    tell(stackOf(thrown));
    void leave(EXIT.failed);
  });
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
    exit: (code) => void leave(code),
    every(ms, tick) {
      const timer = setInterval(tick, ms);
      return () => clearInterval(timer);
    },
  };
  main(world).then(
    (code) => end(failed ? EXIT.environment : code),
    (thrown: unknown) => {
      tell(stackOf(thrown));
      end(EXIT.failed);
    },
  );
}

function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => void leave(code), LINGER_MS).unref();
}

/** Where stderr, too, cannot be written there is nobody to be told. */
function tell(text: string): void {
  try {
    writeSync(2, `${text}\n`);
  } catch {}
}
