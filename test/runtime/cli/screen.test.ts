import { describe, expect, it } from 'vitest';
import { Screen } from '../../../src/runtime/cli/screen.ts';
import { fakeWorld } from './fixtures.ts';

/** As much of a terminal as the screen uses. */
class Terminal {
  readonly rows: string[] = [''];
  private row = 0;
  private column = 0;

  write(text: string): void {
    // oxlint-disable-next-line no-control-regex -- terminal control sequences begin with a control character
    for (const [token, count, command] of text.matchAll(/\u001b\[([?\d]*)([A-Za-z])|[\s\S]/g)) {
      if (command === 'A') this.row -= Number(count);
      else if (command === 'J') this.rows.splice(this.row, Number.POSITIVE_INFINITY, this.left());
      else if (command === 'K') this.rows[this.row] = this.left();
      else if (token === '\r') this.column = 0;
      else if (token === '\n') this.newLine();
      else if (command === undefined) this.put(token);
    }
  }

  private left(): string {
    return (this.rows[this.row] ?? '').slice(0, this.column);
  }

  private newLine(): void {
    this.row++;
    this.column = 0;
    this.rows[this.row] ??= '';
  }

  private put(char: string): void {
    const row = this.rows[this.row].padEnd(this.column);
    this.rows[this.row] = row.slice(0, this.column) + char + row.slice(this.column + 1);
    this.column++;
  }
}

function setUp(given: { readonly stdoutIsTTY?: boolean } = {}) {
  const terminal = new Terminal();
  const writes: string[] = [];
  const out: string[] = [];
  const toTerminal = (text: string): void => {
    writes.push(text);
    terminal.write(text);
  };
  const isTTY = given.stdoutIsTTY ?? true;
  const world = fakeWorld([], {
    env: { LANG: 'C.UTF-8' },
    stderr: { write: toTerminal, isTTY: true },
    stdout: { write: isTTY ? toTerminal : (text: string) => out.push(text), isTTY },
  });
  return { screen: new Screen(world), terminal, writes, out };
}

describe('the screen', () => {
  it('keeps the picture below printed lines, without waiting for the next drawing', async () => {
    const { screen, terminal } = setUp();
    screen.draw(['steps', 'lag']);
    screen.print('first');
    screen.print('second');
    await Promise.resolve();
    expect(terminal.rows).toEqual(['first', 'second', 'steps', 'lag', '']);
    screen.draw(['steps 2', 'lag']);
    screen.print('third');
    await Promise.resolve();
    expect(terminal.rows).toEqual(['first', 'second', 'third', 'steps 2', 'lag', '']);
  });

  it('draws once for all lines of a turn, between the marks of one frame', async () => {
    const { screen, writes } = setUp();
    screen.draw(['picture']);
    writes.length = 0;
    for (let i = 0; i < 1_000; i++) screen.print(`line ${i}`);
    await Promise.resolve();
    expect(writes).toHaveLength(3);
    expect(writes[0].startsWith('\u001b[?2026h')).toBe(true);
    expect(writes[2]).toBe('picture\u001b[K\n\u001b[?2026l');
  });

  it('keeps the picture below messages, and the order of messages and lines', () => {
    const { screen, terminal } = setUp();
    screen.draw(['picture']);
    screen.print('line');
    screen.message('notice');
    expect(terminal.rows).toEqual(['line', 'notice', 'picture', '']);
  });

  it('leaves lines and messages behind when the picture is taken away', () => {
    const { screen, terminal } = setUp();
    screen.draw(['a', 'picture']);
    screen.print('line');
    screen.clear();
    screen.message('the end');
    expect(terminal.rows).toEqual(['line', 'the end', '']);
  });

  it('erases what a smaller picture leaves over', () => {
    const { screen, terminal } = setUp();
    screen.draw(['a long line', 'b', 'c']);
    screen.draw(['short']);
    expect(terminal.rows).toEqual(['short', '']);
  });

  it('lets the picture alone where the lines go elsewhere', () => {
    const { screen, terminal, writes, out } = setUp({ stdoutIsTTY: false });
    screen.draw(['picture']);
    screen.print('line');
    expect(out).toEqual(['line\n']);
    expect(writes).toHaveLength(1);
    expect(terminal.rows).toEqual(['picture', '']);
  });
});
