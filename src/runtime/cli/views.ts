/** Three ways to watch a run: drawn in place on a terminal, a plain line now and then, or lines of JSON. */
import type { RunningPipeline, RunReport, RunStatus } from '../run-options.ts';
import { ledgerOf, renderLedger } from './render-ledger.ts';
import { renderLine, renderStatus } from './render-status.ts';
import { Screen } from './screen.ts';
import { colorsFor, counted, duration, isUnicode } from './text.ts';
import type { World } from './world.ts';

/** Where a run reads, writes and keeps its state; for the first lines. */
export interface Whereabouts {
  readonly stateDir: string;
  readonly outputs: readonly string[];
  /** What the generator does, in words. */
  readonly generator: string | undefined;
}

export interface RunView {
  started(run: RunningPipeline, where: Whereabouts): void;
  notice(text: string): void;
  /** A line of `sinkConsole`. */
  print(line: string): void;
  ended(report: RunReport): void;
  /** No more drawing; safe to call twice. */
  close(): void;
}

const LIVE_MS = 250;
const PLAIN_MS = 5_000;
const JSON_MS = 1_000;
/** Rates are taken over this many drawings. */
const RATE_FRAMES = 8;

export function viewFor(world: World, flags: { readonly json?: boolean }): RunView {
  if (flags.json) return new JsonView(world);
  const isTerminal = world.stderr.isTTY === true && world.env.TERM !== 'dumb';
  return isTerminal ? new LiveView(world) : new PlainView(world);
}

/** The lines that every view for people begins with. */
export function startLines(status: RunStatus, { stateDir, outputs, generator }: Whereabouts): string[] {
  const promise =
    status.delivery === 'exactly-once'
      ? 'exactly-once: outputs are as if nothing had happened, even after a kill'
      : 'at-least-once: exact after a stop, outputs may repeat after a kill';
  return [
    `${status.pipeline} on ${status.log}, group ${status.group}, ${status.mode}`,
    `  delivery   ${promise}`,
    `  state      ${stateDir}`,
    ...outputs.map((output, i) => `  ${i === 0 ? 'outputs' : '       '}    ${output}`),
    ...(generator === undefined ? [] : [`  generator  ${generator}`]),
  ];
}

function endLines({ status, drained, checkpoints, durationMs }: RunReport): string[] {
  const how = drained ? 'drained: every window is closed' : 'stopped';
  return [...renderLedger(status), `${how} after ${duration(durationMs)} and ${counted(checkpoints, 'checkpoint')}`];
}

class LiveView implements RunView {
  private readonly world: World;
  private readonly screen: Screen;
  private readonly earlier: RunStatus[] = [];
  private stopDrawing = (): void => {};

  constructor(world: World) {
    this.world = world;
    this.screen = new Screen(world);
  }

  started(run: RunningPipeline, where: Whereabouts): void {
    for (const line of startLines(run.status(), where)) this.screen.message(line);
    const colors = colorsFor(this.world.stderr, this.world.env);
    const unicode = isUnicode(this.world.env);
    const draw = (): void => {
      const status = run.status();
      const { columns, rows } = this.world.stderr;
      const frame = { width: (columns ?? 80) - 1, height: rows ?? 24, colors, unicode };
      this.screen.draw(renderStatus(status, this.earlier[0], frame));
      this.earlier.push(status);
      if (this.earlier.length > RATE_FRAMES) this.earlier.shift();
    };
    this.stopDrawing = this.world.every(LIVE_MS, draw);
  }

  notice(text: string): void {
    this.screen.message(text);
  }

  print(line: string): void {
    this.screen.print(line);
  }

  ended(report: RunReport): void {
    this.close();
    for (const line of endLines(report)) this.screen.message(line);
  }

  close(): void {
    this.stopDrawing();
    this.screen.clear();
  }
}

class PlainView implements RunView {
  private readonly world: World;
  private readonly screen: Screen;
  private before: RunStatus | undefined;
  private stopTelling = (): void => {};

  constructor(world: World) {
    this.world = world;
    this.screen = new Screen(world);
  }

  started(run: RunningPipeline, where: Whereabouts): void {
    this.before = run.status();
    for (const line of startLines(this.before, where)) this.screen.message(line);
    this.stopTelling = this.world.every(PLAIN_MS, () => {
      const status = run.status();
      this.screen.message(renderLine(status, this.before));
      this.before = status;
    });
  }

  notice(text: string): void {
    this.screen.message(text);
  }

  print(line: string): void {
    this.screen.print(line);
  }

  ended(report: RunReport): void {
    this.close();
    for (const line of endLines(report)) this.screen.message(line);
  }

  close(): void {
    this.stopTelling();
  }
}

/** One object a line: `start`, `status` every second, `notice`, `end`; a failure adds `error`. */
class JsonView implements RunView {
  private readonly world: World;
  private stopTelling = (): void => {};

  constructor(world: World) {
    this.world = world;
  }

  started(run: RunningPipeline, where: Whereabouts): void {
    const { pipeline, group, mode, delivery, log, startedAt } = run.status();
    this.tell({ event: 'start', pipeline, group, mode, delivery, log, startedAt, ...where });
    this.stopTelling = this.world.every(JSON_MS, () => this.tell({ event: 'status', ...run.status() }));
  }

  notice(text: string): void {
    this.tell({ event: 'notice', message: text });
  }

  print(): void {}

  ended(report: RunReport): void {
    this.close();
    this.tell({ event: 'end', ...report, ledger: ledgerOf(report.status) });
  }

  close(): void {
    this.stopTelling();
  }

  private tell(line: object): void {
    this.world.stdout.write(`${JSON.stringify(line)}\n`);
  }
}
