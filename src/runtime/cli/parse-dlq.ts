/** The commands of `millrace dlq` among the others. */
import type { Command, Option } from 'commander';
import {
  type DlqListFlags,
  dlqListOptions,
  type DlqRedriveFlags,
  dlqRedriveOptions,
  type DlqShowFlags,
  dlqShowOptions,
} from './dlq-flags.ts';
import { usageError } from './failure.ts';
import { kebab } from './flags.ts';
import { ownFlags, withOptions } from './own-params.ts';
import type { HelpInvocation, Known, ParamFlags } from './parse-arguments.ts';

export type DlqInvocation =
  | { readonly command: 'dlq list'; readonly flags: DlqListFlags; readonly params: ParamFlags }
  | { readonly command: 'dlq show'; readonly flags: DlqShowFlags; readonly params: ParamFlags }
  | { readonly command: 'dlq redrive'; readonly flags: DlqRedriveFlags; readonly params: ParamFlags };

const HELP = `
Examples:
  millrace dlq list orders                                  what went wrong, by reason and step
  millrace dlq show orders --at 2:17                        one record, with its bytes
  millrace dlq redrive orders --where step=enrich           shows what would be sent back
  millrace dlq redrive orders --where step=enrich --apply   sends it`;

export function addDlq(
  program: Command,
  known: Known | undefined,
  accept: (invocation: DlqInvocation | HelpInvocation) => void,
): void {
  const dlq = program.command('dlq').description('look at rejected records, and send them back: list, show, redrive');
  dlq.addHelpText('after', HELP);
  dlq.usage('list|show|redrive <pipeline> [flags]').argument('[words...]');
  dlq.action(([word]: readonly string[]) => {
    if (word !== undefined)
      throw usageError(`there is no command 'dlq ${word}'`, 'there are dlq list, dlq show and dlq redrive');
    accept({ command: 'help', text: `${dlq.helpInformation()}${HELP}\n` });
  });
  add(dlq, 'list', 'count the records by reason and step', dlqListOptions(), known, (flags: DlqListFlags, params) =>
    accept({ command: 'dlq list', flags, params }),
  );
  add(dlq, 'show', 'show records with their bytes', dlqShowOptions(), known, (flags: DlqShowFlags, params) =>
    accept({ command: 'dlq show', flags, params }),
  );
  const redrive = 'send records back to the topic that they came from, each once';
  add(dlq, 'redrive', redrive, dlqRedriveOptions(), known, (flags: DlqRedriveFlags, params) =>
    accept({ command: 'dlq redrive', flags, params }),
  );
}

function add<F extends object>(
  dlq: Command,
  name: string,
  description: string,
  options: readonly Option[],
  known: Known | undefined,
  act: (flags: F, params: ParamFlags) => void,
): void {
  const command = dlq.command(name).argument('<pipeline>').description(description);
  const params = withOptions(command, 'Flags', options, withoutClashes(known, options));
  command.action((_: string, flags: F) => act(ownFlags(flags, params), params.take(flags)));
}

/** A pipeline may have a parameter such as `limit`: it keeps its default here. */
function withoutClashes(known: Known | undefined, options: readonly Option[]): Known | undefined {
  if (known === undefined) return undefined;
  const params = Object.entries(known.pipeline.params).filter(([name]) =>
    options.every(({ long }) => long !== `--${kebab(name)}`),
  );
  return { ...known, pipeline: { ...known.pipeline, params: Object.fromEntries(params) } };
}
