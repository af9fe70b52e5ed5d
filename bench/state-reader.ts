/** Looks at what a program has committed. */
import { onBrokerCore } from './child.ts';
import type { Summary } from './state-data.ts';
import { Program } from './state-program.ts';

/** Kafka's own client, in a process of its own: see CommittedResults.java for what it is told and says. */
export class ResultReader {
  private readonly program: Program;
  private readonly waiting = new Map<string, () => void>();
  private total: ((summary: Summary) => void) | undefined;

  constructor(command: readonly (string | number)[]) {
    this.program = new Program(onBrokerCore(command.map(String)));
    this.program.onLine((line) => {
      if (line.startsWith('{')) this.total?.(JSON.parse(line) as Summary);
      else this.waiting.get(line)?.();
    });
  }

  /** Resolves when it looks for what comes from now on; `first` resolves when something has come. */
  async watch(): Promise<{ readonly first: Promise<void> }> {
    const watching = this.line('watching');
    const first = this.line('first');
    this.program.say('watch');
    await watching;
    return { first };
  }

  /** Resolves when as many results as expected have come, or none has come for long. */
  readAll(): Promise<void> {
    const all = this.line('all');
    this.program.say('sum');
    return all;
  }

  /** What there is in all; nothing may be written any more. */
  async sum(): Promise<Summary> {
    const told = new Promise<Summary>((done) => (this.total = done));
    this.program.say('end');
    return Promise.race([told, this.program.failure]);
  }

  close(): Promise<void> {
    return this.program.kill();
  }

  private line(text: string): Promise<void> {
    const read = new Promise<void>((done) => this.waiting.set(text, done));
    return Promise.race([read, this.program.failure]);
  }
}
