/** What a decoder has found out about the values of a batch: all of them are JSON documents but those that it names. */
export class JsonRows {
  private readonly others = new Map<number, boolean | undefined>();

  /** The value of `row` is no JSON document, or one that whoever reads bytes as they are may not take for one (`undefined`). */
  except(row: number, isJson: false | undefined): void {
    this.others.set(row, isJson);
  }

  /** Whether the value of `row` is a JSON document in UTF-8; `undefined` where it has to be tried. */
  isJson(row: number): boolean | undefined {
    return this.others.has(row) ? this.others.get(row) : true;
  }
}

/** JSON.parse without a stack for a text that is none, which costs more than all else and which nobody looks at. */
export function parseJson(text: string): unknown {
  const limit = Error.stackTraceLimit;
  // Some programs freeze what the language brings.
  if (!Reflect.set(Error, 'stackTraceLimit', 0)) return JSON.parse(text);
  try {
    return JSON.parse(text);
  } finally {
    Error.stackTraceLimit = limit;
  }
}
