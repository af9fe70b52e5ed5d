/** What a command that failed says: where, what, and what to do. */
import { EXIT, formatPlace, MillraceError, messageOf, type Place } from '../../core/errors.ts';
import { redact, secretsOf } from './redact.ts';
import { colorsFor } from './text.ts';
import type { World } from './world.ts';

export function usageError(message: string, hint?: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', message, { hint });
}

/**
 * Prints the failure, as a line of JSON on stdout where that was asked for, and gives the exit code. `spellOut` puts the
 * commands of a hint into the words of this call.
 */
export function reportFailure(thrown: unknown, world: World, spellOut: (hint: string) => string): number {
  const secrets = secretsOf(world.env);
  const clean = (text: string): string => redact(text, secrets);
  const known = thrown instanceof MillraceError ? thrown : undefined;
  const exitCode = known?.exitCode ?? EXIT.failed;
  const message = clean(messageOf(thrown));
  const isDebug = (world.env.DEBUG ?? '').split(/[\s,]+/).includes('millrace');
  const hint = known?.hint === undefined ? undefined : clean(spellOut(known.hint));
  if (world.argv.includes('--json')) {
    const code = known?.code ?? 'UNEXPECTED';
    const line = { event: 'error', code, message, place: known?.place ?? {}, hint: hint ?? null, exitCode };
    world.stdout.write(`${JSON.stringify(line)}\n`);
  } else {
    const colors = colorsFor(world.stderr, world.env);
    const place = known === undefined ? '' : placeBefore(message, known.place);
    const label = known === undefined ? 'unexpected error' : `error ${known.code}`;
    world.stderr.write(`${colors.red(`${label}:`)} ${place === '' ? '' : `${place}: `}${message}\n`);
    if (hint !== undefined) world.stderr.write(`  ${hint}\n`);
    if (known === undefined && !isDebug) world.stderr.write('  set DEBUG=millrace to see the stack\n');
  }
  if (isDebug) world.stderr.write(`${clean(stackOf(thrown))}\n`);
  return exitCode;
}

/** The place, without an operator that the message itself begins with. */
function placeBefore(message: string, place: Place): string {
  const { operator, ...others } = place;
  return formatPlace(operator !== undefined && message.startsWith(`${operator} `) ? others : place);
}

/** With those of its causes. */
export function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\ncaused by ${stackOf(thrown.cause)}`;
  return `${thrown.stack ?? thrown.message}${cause}`;
}
