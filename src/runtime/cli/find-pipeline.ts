/** Finds pipeline files by name or path, and loads them. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { MillraceError, messageOf } from '../../core/errors.ts';
import type { Pipeline } from '../../core/pipeline.ts';
import type { AnyGenerator } from '../generator.ts';
import { usageError } from './failure.ts';
import type { Known } from './parse-arguments.ts';
import { nearest } from './suggest.ts';
import type { World } from './world.ts';

export interface LoadedPipeline extends Known {
  readonly file: string;
}

export interface Listed {
  readonly name: string;
  readonly file: string;
  /** What the pipeline says of itself, or why it cannot be loaded. */
  readonly description: string;
}

const COMMANDS = ['describe', 'dlq', 'reset', 'generate'];

/**
 * A pipeline by name, from `cwd/pipelines/NAME/pipeline.ts`, or else by path, or else one that ships with millrace.
 * @throws MillraceError CONFIG_INVALID when there is none, with the nearest name; PLAN_INVALID when it cannot be loaded
 */
export async function findPipeline(target: string, world: World): Promise<LoadedPipeline> {
  const { cwd, home } = world;
  const own = join(cwd, 'pipelines', target, 'pipeline.ts');
  const isName = /^[\w.-]+$/.test(target) && !/^\.+$/.test(target);
  const candidates = [...(isName ? [own] : []), ...pathCandidates(resolve(cwd, target))];
  if (isName) candidates.push(join(home, 'pipelines', target, 'pipeline.ts'));
  const file = candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile());
  if (file !== undefined) return load(file, world);
  const names = pipelineFiles(world).map(({ name }) => name);
  const meant = nearest(target, [...names, ...COMMANDS]);
  const known = names.length === 0 ? 'there are no pipelines here' : `pipelines: ${names.join(', ')}`;
  throw usageError(
    `there is no pipeline '${target}'`,
    meant === undefined ? `${known}; or give the path of a pipeline file` : `did you mean ${meant}? (${known})`,
  );
}

/** Every pipeline of the current folder and of the package, own ones first. */
export async function listPipelines(world: World): Promise<Listed[]> {
  return Promise.all(
    pipelineFiles(world).map(async ({ name, file }) => {
      const description = await load(file, world).then(
        ({ pipeline }) => pipeline.description,
        (thrown: unknown) => messageOf(thrown),
      );
      return { name, file, description };
    }),
  );
}

/** A path may name the file, or the folder that holds it. */
function pathCandidates(path: string): string[] {
  return /\.[cm]?[jt]s$/.test(path) ? [path] : [join(path, 'pipeline.ts'), `${path}.ts`];
}

function pipelineFiles({ cwd, home }: World): { name: string; file: string }[] {
  const files = new Map<string, string>();
  for (const folder of [join(cwd, 'pipelines'), join(home, 'pipelines')]) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder).toSorted()) {
      const file = join(folder, name, 'pipeline.ts');
      if (!files.has(name) && existsSync(file)) files.set(name, file);
    }
  }
  return [...files].map(([name, file]) => ({ name, file }));
}

async function load(found: string, world: World): Promise<LoadedPipeline> {
  const file = realpathSync(found);
  const pipeline = await importDefault(file, world);
  if (!isPipeline(pipeline)) {
    throw new MillraceError('PLAN_INVALID', `${found} does not export a pipeline`, {
      hint: "end it with: export default pipeline('name', …)",
    });
  }
  const generatorFile = join(dirname(file), 'generator.ts');
  const hasGenerator = basename(file) !== 'generator.ts' && existsSync(generatorFile);
  return { file, pipeline, generator: hasGenerator ? await loadGenerator(generatorFile, world) : undefined };
}

async function loadGenerator(file: string, world: World): Promise<AnyGenerator> {
  const generator = await importDefault(file, world);
  if (typeof generator === 'object' && generator !== null) {
    if (('record' in generator && 'topic' in generator) || 'configure' in generator) return generator as AnyGenerator;
  }
  throw new MillraceError('PLAN_INVALID', `${file} does not export a generator`, {
    hint: 'export an object of type Generator or ConfigurableGenerator by default, or rename the file',
  });
}

async function importDefault(file: string, world: World): Promise<unknown> {
  try {
    return ((await world.importFile(file)) as { default?: unknown }).default;
  } catch (thrown) {
    if (thrown instanceof MillraceError) throw thrown;
    throw new MillraceError('PLAN_INVALID', `${file} cannot be loaded: ${messageOf(thrown)}`, {
      hint: 'set DEBUG=millrace to see the stack',
      cause: thrown,
    });
  }
}

function isPipeline(value: unknown): value is Pipeline {
  return typeof value === 'object' && value !== null && 'build' in value && 'params' in value && 'name' in value;
}
