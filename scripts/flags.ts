/** What a script is asked for: `--help` and mistakes are told in a few lines, and not by a stack. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

const EXIT_USAGE = 2;

/** A flag's number, at least `least`; ends the process where it is none. */
export function numberOf(
  usage: string,
  name: string,
  text: string,
  least: number,
  kind: 'whole' | 'any' = 'whole',
): number {
  const number = Number(text);
  const isRight =
    text.trim() !== '' && number >= least && (kind === 'any' ? Number.isFinite(number) : Number.isSafeInteger(number));
  if (isRight) return number;
  const what = kind === 'whole' ? 'a whole number' : 'a number';
  process.stderr.write(`--${name} must be ${what} of at least ${least}, not '${text}'\n\n${usage}\n`);
  process.exit(EXIT_USAGE);
}

/** The values of the flags; ends the process after `--help`, and where one is not known. */
export function flagsOf<O extends NonNullable<ParseArgsConfig['options']>>(usage: string, options: O) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (!('help' in values)) return parseArgs({ options }).values;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
    process.exit(EXIT_USAGE);
  }
  console.log(usage);
  process.exit(0);
}
