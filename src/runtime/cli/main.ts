/** The command line: from arguments to an exit code. Nothing here ends the process. */
import { readFileSync } from 'node:fs';
import { EXIT } from '../../core/errors.ts';
import { reportFailure, usageError } from './failure.ts';
import type { LoadedPipeline } from './find-pipeline.ts';
import { dlqOptions } from './dlq-flags.ts';
import { generateOptions, paramOptions, resetOptions, runOptions } from './flags.ts';
import { refuseSwallowedFlags, type Swallowable } from './npm-flags.ts';
import { type Invocation, parseArguments, targetOf } from './parse-arguments.ts';
import { Screen } from './screen.ts';
import { spell, spellHint } from './spelling.ts';
import { table } from './text.ts';
import type { World } from './world.ts';

/** Resolves to the exit code; failures are reported, not thrown. */
export async function main(world: World): Promise<number> {
  let target: string | undefined;
  try {
    target = targetOf(world.argv);
    return await dispatch(target, world);
  } catch (thrown) {
    return reportFailure(thrown, world, (hint) => spellHint(hint, target, world));
  }
}

async function dispatch(target: string | undefined, world: World): Promise<number> {
  const { argv, env } = world;
  const wantsHelp = argv.some((arg) => arg === '--help' || arg === '-h');
  const call = { argv, env, readFile };
  const refuseSwallowed = (loaded?: LoadedPipeline): void => {
    if (!wantsHelp) refuseSwallowedFlags(swallowable(loaded), call);
  };
  const loaded = target === undefined ? undefined : await findOr(() => refuseSwallowed(), target, world);
  refuseSwallowed(loaded);
  const invocation = parseArguments(argv, loaded, env);
  switch (invocation.command) {
    case 'help':
      world.stdout.write(invocation.text);
      return EXIT.ok;
    case 'version':
      world.stdout.write(`${world.version}\n`);
      return EXIT.ok;
    case 'list':
      return list(world);
    default:
      return runOn(loaded!, invocation, world);
  }
}

/** Each command is loaded when it is asked for. */
async function runOn(
  loaded: LoadedPipeline,
  invocation: Exclude<Invocation, { command: 'help' | 'version' | 'list' }>,
  world: World,
): Promise<number> {
  switch (invocation.command) {
    case 'run': {
      const { runCommand } = await import('./run-command.ts');
      return runCommand(loaded, invocation.flags, invocation.params, world);
    }
    case 'describe': {
      const { describeCommand } = await import('./describe-command.ts');
      return describeCommand(loaded, invocation, world);
    }
    case 'reset': {
      const { resetCommand } = await import('./reset-command.ts');
      return resetCommand(loaded, invocation.flags, invocation.params, world);
    }
    case 'dlq list':
    case 'dlq show':
    case 'dlq redrive': {
      const { dlqCommand } = await import('./dlq-command.ts');
      return dlqCommand(loaded, invocation, world);
    }
    case 'generate': {
      const { generateCommand } = await import('./generate-command.ts');
      return generateCommand(loaded, invocation.flags, invocation.params, world);
    }
  }
}

/** A word that names no pipeline may be the value of a flag that is missing. */
async function findOr(explain: () => void, target: string, world: World): Promise<LoadedPipeline> {
  const { findPipeline } = await import('./find-pipeline.ts');
  try {
    return await findPipeline(target, world);
  } catch (thrown) {
    explain();
    throw thrown;
  }
}

async function list(world: World): Promise<number> {
  const { listPipelines } = await import('./find-pipeline.ts');
  const listed = await listPipelines(world);
  if (listed.length === 0)
    throw usageError(
      'there are no pipelines here',
      'put one into pipelines/NAME/pipeline.ts, or give the path of its file',
    );
  const screen = new Screen(world);
  for (const line of table(
    listed.map(({ name, description }) => [name, description]),
    ['left', 'left'],
  ))
    screen.show(line);
  screen.message(`Run one with: ${spell(['NAME', '--flags'], world.env)} (--help shows them)`);
  return EXIT.ok;
}

/** Flags that npm could have kept; the pipeline's own among them where it is known. */
function swallowable(loaded: LoadedPipeline | undefined): Swallowable[] {
  const options = new Map(
    [...runOptions(), ...resetOptions(), ...generateOptions(), ...dlqOptions()].map((option) => [option.long!, option]),
  );
  const own = loaded === undefined ? [] : paramOptions(loaded.pipeline.params, []).map(({ option }) => option);
  return [...options.values(), ...own].map(({ long, required, negate }) => ({
    long: long!,
    takesValue: required,
    isNegated: negate,
  }));
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
