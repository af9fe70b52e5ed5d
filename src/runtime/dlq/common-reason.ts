/** What reasons have in common that differ by times and numbers only. */

const VARYING = /(\d{4}-\d\d-\d\dT[\d:.]+Z?)|\d+(?:[.,:]\d+)*/g;

/** The same for all reasons that belong together: `late by N at TIME`. */
export function patternOf(reason: string): string {
  return reason.replaceAll(VARYING, (_, time?: string) => (time === undefined ? 'N' : 'TIME'));
}

/** Times and numbers that all reasons share are kept; one in which they differ becomes `TIME` or `N`. */
export class CommonReason {
  private readonly first: string;
  /** Of the first reason; `undefined` where another one differs. */
  private readonly values: (string | undefined)[];

  constructor(first: string) {
    this.first = first;
    this.values = first.match(VARYING) ?? [];
  }

  /** A reason of the same pattern. */
  add(reason: string): void {
    if (reason === this.first) return;
    reason.match(VARYING)?.forEach((value, i) => {
      if (value !== this.values[i]) this.values[i] = undefined;
    });
  }

  get text(): string {
    let i = 0;
    return this.first.replaceAll(VARYING, (value) => this.values[i++] ?? patternOf(value));
  }
}
