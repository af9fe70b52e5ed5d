/** What a script is asked for: `--help` and mistakes are told in a few lines, and not by a stack. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

const EXIT_USAGE = 2;

/** Says what is wrong with what was asked for, and ends the process. */
export function refuse(usage: string, why: string): never {
  process.stderr.write(`${why}\n\n${usage}\n`);
  process.exit(EXIT_USAGE);
}

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
  refuse(usage, `--${name} must be ${what} of at least ${least}, not '${text}'`);
}

/** The values of the flags; ends the process after `--help`, and where one is not known. */
export function flagsOf<O extends NonNullable<ParseArgsConfig['options']>>(usage: string, options: O) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } });
    if (!('help' in values)) return parseArgs({ options }).values;
  } catch (error) {
    refuse(usage, (error as Error).message);
  }
  console.log(usage);
  process.exit(0);
}
