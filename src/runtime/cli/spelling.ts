/** Commands as they are typed here: through npm where npm has started this process, with flags behind a lone `--`. */
import { kafkaOptions, placeOptions } from './flags.ts';
import type { World } from './world.ts';

type Env = World['env'];

/** `millrace reset orders --apply`, or the same for the way this process was started. */
export function spell(words: readonly string[], env: Env): string {
  const script = scriptOf(env);
  if (script === undefined) return ['millrace', ...words.map(quoted)].join(' ');
  if (script === 'npx') return ['npx', 'millrace', ...words.map(quoted)].join(' ');
  const at = words.findIndex((word) => word.startsWith('-'));
  const [operands, flags] = at === -1 ? [words, []] : [words.slice(0, at), words.slice(at)];
  return [
    'npm',
    'run',
    script,
    ...operands.map(quoted),
    ...(flags.length > 0 ? ['--'] : []),
    ...flags.map(quoted),
  ].join(' ');
}

/**
 * A hint with its commands spelled out: what stands there as `millrace reset NAME --apply` names the pipeline, and the place
 * (`--brokers`, `--group`, `--data` …) that `argv` names.
 */
export function spellHint(
  hint: string,
  target: string | undefined,
  { argv, env }: Pick<World, 'argv' | 'env'>,
): string {
  return hint.replaceAll(/`(?:millrace|pipeline) ([^`]+)`/g, (_, text: string) => {
    const [command, ...others] = text.split(' ').filter((word) => word !== 'NAME');
    const name = target ?? 'NAME';
    if (command !== 'reset' || others.at(-1) === '--help') return `\`${spell(text.split(' '), env)}\``;
    return `\`${spell([command, name, ...placeWords(argv), ...others], env)}\``;
  });
}

/** The script of npm that runs millrace, if one does and takes any of its commands; `npx` where another one does. */
function scriptOf({ npm_lifecycle_event: event, npm_lifecycle_script: script = '' }: Env): string | undefined {
  if (event === undefined || !/\bmillrace\b/.test(script)) return undefined;
  return /\bmillrace(\.js)?$/.test(script.trim()) ? event : 'npx';
}

/** The flags of `argv` that say which log and which state is meant. */
function placeWords(argv: readonly string[]): string[] {
  const options = [...placeOptions(), ...kafkaOptions()];
  return argv.flatMap((word, i) => {
    const option = options.find(({ long }) => word === long || word.startsWith(`${long}=`));
    if (option === undefined) return [];
    const value = argv[i + 1];
    return option.required && word === option.long && value !== undefined ? [word, value] : [word];
  });
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
