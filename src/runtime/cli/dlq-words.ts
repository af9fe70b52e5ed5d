/** How the commands of `millrace dlq` speak of records and of how far they are. */
import type { Verdict } from '../dlq/letters.ts';
import type { Group } from '../dlq/survey.ts';
import { escaped } from './bytes-text.ts';
import type { Screen } from './screen.ts';
import { type Align, counted, fit, grouped, instant, table } from './text.ts';
import type { World } from './world.ts';

const REASON_WIDTH = 100;
const TELL_MS = 5_000;
const DRAW_MS = 250;

/** Why records are not sent back, in the order in which it is told. */
export function reasonsAgainst(maxAttempts: number): readonly (readonly [Verdict, string])[] {
  return [
    ['unmatched', 'do not meet --where'],
    ['redriven', 'were redriven before'],
    ['given-up', `have been redriven ${counted(maxAttempts, 'time')} or more (--max-attempts)`],
    ['computed', 'were computed by a step: they never stood in a topic'],
    ['cut', 'were too large for the DLQ topic, which has their beginning only'],
    ['unreadable', 'have not the shape of a DLQ record'],
    ['foreign', 'name no topic that the pipeline reads'],
    ['no-topic', 'came from a topic that is not there any more'],
    ['too-large', 'are larger than their topic takes, with the marks of a redrive'],
  ];
}

export function againstLines(verdicts: Readonly<Record<Verdict, number>>, maxAttempts: number): string[] {
  const rows = reasonsAgainst(maxAttempts).filter(([verdict]) => verdicts[verdict] > 0);
  return table(
    rows.map(([verdict, words]) => [`  ${grouped(verdicts[verdict])}`, words]),
    ['right', 'left'],
  );
}

const ALIGNS: readonly Align[] = ['right', 'right', 'left', 'left', 'left', 'left'];

export function groupTable(groups: readonly Group[], limit: number): string[] {
  const rows = groups
    .slice(0, limit)
    .map(({ records, verdicts, kind, step, lastFailedAt, reason }) => [
      grouped(records),
      grouped(verdicts.waiting),
      kind ?? '-',
      step ?? '-',
      instant(lastFailedAt),
      fit(escaped(reason), REASON_WIDTH),
    ]);
  const rest = groups.slice(limit).reduce((sum, { records }) => sum + records, 0);
  return [
    ...table([['records', 'waiting', 'kind', 'step', 'last failed', 'reason'], ...rows], ALIGNS),
    ...(rest > 0
      ? [`and ${counted(groups.length - limit, 'more group')} of ${counted(rest, 'record')} (--limit shows them)`]
      : []),
  ];
}

/** Tells how far a command is: in place on a terminal, else by a line now and then; under `--json` by `tell`. */
export class ProgressLine {
  private words = '';
  private readonly stop: () => void;
  private readonly screen: Screen;

  constructor(world: World, screen: Screen, tell: (() => void) | undefined) {
    this.screen = screen;
    const isLive = tell === undefined && world.stderr.isTTY === true;
    this.stop = world.every(isLive ? DRAW_MS : TELL_MS, () => {
      if (tell !== undefined) tell();
      else if (this.words === '') return;
      else if (isLive) screen.draw([fit(this.words, (world.stderr.columns ?? 80) - 1)]);
      else screen.message(this.words);
    });
  }

  say(words: string): void {
    this.words = words;
  }

  close(): void {
    this.stop();
    this.screen.clear();
  }
}
