/** A terminal on which a picture is redrawn in place while lines go by above it. */
import { redact, secretsOf } from './redact.ts';
import { isUnicode, toAscii } from './text.ts';
import type { World } from './world.ts';

const ESC = '\u001b[';
/** Terminals that know it show everything between the two at once; others ignore it. */
const BEGIN_FRAME = `${ESC}?2026h`;
const END_FRAME = `${ESC}?2026l`;

export class Screen {
  private readonly world: World;
  private readonly secrets: readonly string[];
  private readonly unicode: boolean;
  /** The lines at the bottom of the terminal, without their ends. */
  private picture: readonly string[] = [];
  /** Lines of data that go above the picture, all of one turn at once. */
  private waiting: string[] = [];

  constructor(world: World) {
    this.world = world;
    this.secrets = secretsOf(world.env);
    this.unicode = isUnicode(world.env);
  }

  /** Replaces the picture. */
  draw(lines: readonly string[]): void {
    this.flush();
    const up = this.toTop();
    this.picture = lines.map((line) => this.clean(line));
    this.world.stderr.write(`${BEGIN_FRAME}${up}${this.body()}${ESC}J${END_FRAME}`);
  }

  /** Takes the picture away for good. */
  clear(): void {
    this.flush();
    if (this.picture.length > 0) this.world.stderr.write(`${this.toTop()}${ESC}J`);
    this.picture = [];
  }

  /** A line for a person. */
  message(line: string): void {
    this.flush();
    const text = `${this.clean(line)}\n`;
    if (this.picture.length === 0) this.world.stderr.write(text);
    else this.world.stderr.write(`${BEGIN_FRAME}${this.toTop()}${ESC}J${text}${this.body()}${END_FRAME}`);
  }

  /** A line of data, as it is. */
  print(line: string): void {
    if (this.picture.length === 0 || !this.world.stdout.isTTY) {
      this.world.stdout.write(`${line}\n`);
      return;
    }
    // A picture for every line would cost more than all else of a chunk that prints a thousand.
    if (this.waiting.push(line) === 1) queueMicrotask(() => this.flush());
  }

  /** A line of an answer that was asked for: data, but for people. */
  show(line: string): void {
    this.world.stdout.write(`${this.clean(line)}\n`);
  }

  /** Lines and picture in one frame, so that the terminal never shows the one without the other. */
  private flush(): void {
    if (this.waiting.length === 0) return;
    const lines = this.waiting;
    this.waiting = [];
    this.world.stderr.write(`${BEGIN_FRAME}${this.toTop()}${ESC}J`);
    this.world.stdout.write(`${lines.join('\n')}\n`);
    this.world.stderr.write(`${this.body()}${END_FRAME}`);
  }

  private toTop(): string {
    return this.picture.length === 0 ? '' : `${ESC}${this.picture.length}A\r`;
  }

  private body(): string {
    return this.picture.map((line) => `${line}${ESC}K\n`).join('');
  }

  private clean(line: string): string {
    const text = redact(line, this.secrets);
    return this.unicode ? text : toAscii(text);
  }
}
