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
  private drawn = 0;

  constructor(world: World) {
    this.world = world;
    this.secrets = secretsOf(world.env);
    this.unicode = isUnicode(world.env);
  }

  /** Replaces the picture. */
  draw(lines: readonly string[]): void {
    const body = lines.map((line) => `${this.clean(line)}${ESC}K\n`).join('');
    const up = this.drawn === 0 ? '' : `${ESC}${this.drawn}A\r`;
    this.world.stderr.write(`${BEGIN_FRAME}${up}${body}${ESC}J${END_FRAME}`);
    this.drawn = lines.length;
  }

  /** Takes the picture away; the next drawing brings it back. */
  clear(): void {
    if (this.drawn > 0) this.world.stderr.write(`${ESC}${this.drawn}A\r${ESC}J`);
    this.drawn = 0;
  }

  /** A line for a person. */
  message(line: string): void {
    this.clear();
    this.world.stderr.write(`${this.clean(line)}\n`);
  }

  /** A line of data, as it is. */
  print(line: string): void {
    if (this.world.stdout.isTTY) this.clear();
    this.world.stdout.write(`${line}\n`);
  }

  /** A line of an answer that was asked for: data, but for people. */
  show(line: string): void {
    this.world.stdout.write(`${this.clean(line)}\n`);
  }

  private clean(line: string): string {
    const text = redact(line, this.secrets);
    return this.unicode ? text : toAscii(text);
  }
}
