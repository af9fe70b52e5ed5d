/**
 * Imports only point inward. Think hard before widening a row: each line is a promise about what a room does not know.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

/** Room → the rooms it may import from, itself included always. Rooms are listed innermost first. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'src/core': [],
  'src/time': ['src/core'],
  'src/json': ['src/core'],
  'src/compression': [],
  'src/files': ['src/core', 'src/time'],
  'src/state': ['src/core', 'src/time', 'src/files'],
  'src/log': ['src/core', 'src/time', 'src/state'],
  'src/kafka': ['src/core', 'src/time', 'src/log', 'src/compression'],
  'src/kafka/kafkajs': ['src/kafka', 'src/core', 'src/time', 'src/log'],
  'src/spool': ['src/core', 'src/time', 'src/log', 'src/files'],
  'src/arrow': ['src/core', 'src/time', 'src/files'],
  'src/parquet': ['src/core', 'src/time', 'src/files', 'src/arrow', 'src/compression'],
  'src/csv': ['src/core', 'src/time', 'src/files', 'src/arrow'],
  'operators/core': ['src/core', 'src/time', 'src/files', 'src/arrow', 'src/json'],
  operators: ['operators/core', 'src/core', 'src/time', 'src/files', 'src/arrow', 'src/parquet', 'src/csv', 'src/json'],
  'src/checkpoint': ['src/core', 'src/time', 'src/state'],
  'src/runtime': [
    'operators/core',
    'src/core',
    'src/time',
    'src/state',
    'src/log',
    'src/kafka',
    'src/kafka/kafkajs',
    'src/files',
    'src/spool',
    'src/checkpoint',
  ],
  'src/runtime/cli': [
    'src/runtime',
    'src/core',
    'src/time',
    'src/state',
    'src/log',
    'src/kafka',
    'src/kafka/kafkajs',
    'src/files',
    'src/spool',
    'src/checkpoint',
  ],
  'src/producer': ['src/core', 'src/time', 'src/log', 'src/kafka', 'src/files', 'src/spool', 'src/runtime'],
  'src/testing': [
    'src/runtime',
    'src/core',
    'src/time',
    'src/state',
    'src/log',
    'src/files',
    'src/checkpoint',
    'operators',
  ],
  src: [
    'operators',
    'operators/core',
    'src/core',
    'src/time',
    'src/runtime',
    'src/producer',
    'src/spool',
    'src/log',
    'src/arrow',
    'src/state',
  ],
  pipelines: ['millrace', 'millrace/operators', 'millrace/generator'],
};

/** Third-party package → the rooms that may import it. */
const OWNERS: Record<string, readonly string[]> = {
  rxjs: ['src/core', 'operators/core', 'operators', 'src/runtime', 'src/testing'],
  lmdb: ['src/state'],
  msgpackr: ['src/state'],
  kafkajs: ['src/kafka/kafkajs'],
  '@platformatic/kafka': ['src/kafka'],
  '@node-rs/crc32': ['src/kafka'],
  'apache-arrow': ['src/arrow'],
  commander: ['src/runtime/cli'],
  picocolors: ['src/runtime/cli'],
  'fast-check': ['src/testing'],
  arktype: ['pipelines'],
  zod: ['pipelines'],
  '@faker-js/faker': ['pipelines'],
  '@standard-schema/spec': ['operators', 'operators/core', 'src/core', 'src/arrow', 'src/json'],
};

/** Calls that only their rooms may make: everybody else is given a port. */
const WORLD = /\b(Date\.now\(|new Date\(\)|Math\.random\(|setTimeout\(|setInterval\(|performance\.now\()/;
const WORLD_ROOMS = new Set(['src/time', 'src/kafka', 'src/kafka/kafkajs', 'src/state', 'src/runtime/cli']);
const FILE_ROOMS = new Set(['src/files', 'src/state', 'src/runtime/cli', 'src/checkpoint']);

interface Source {
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && statSync(join(ROOT, folder, name)).isFile())
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), 'utf8');
      const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '');
      const statements = /^(?:import|export) [^;']*?\bfrom '([^']+)';|^import '([^']+)';|\bimport\('([^']+)'\)/gm;
      const imports = [...code.matchAll(statements)].map((match) => match[1] ?? match[2] ?? match[3]);
      return { path, room: roomOf(path), text: code, imports };
    });
}

function roomOf(path: string): string {
  const rooms = Object.keys(MAY_IMPORT).toSorted((a, b) => b.length - a.length);
  return rooms.find((room) => path.startsWith(`${room}/`)) ?? path;
}

const all = ['src', 'operators', 'pipelines'].flatMap(sources);

describe('the architecture', () => {
  it('is checked on more than a handful of files', () => {
    expect(all.length).toBeGreaterThan(40);
  });

  it('lets imports point inward only', () => {
    const wrong = all.flatMap(({ path, room, imports }) =>
      imports
        .filter((name) => name.startsWith('.'))
        .map((name) => roomOf(relative(ROOT, resolve(ROOT, dirname(path), name))))
        .filter((target) => target !== room && !MAY_IMPORT[room].includes(target))
        .map((target) => `${path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('lets each library be imported in its own room only', () => {
    const wrong = all.flatMap(({ path, room, imports }) =>
      imports
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
        .map((name) =>
          name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
        )
        .filter((name) => name !== 'millrace' && !(OWNERS[name] ?? []).includes(room))
        .map((name) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  it('lets only their rooms read the clock, chance and files', () => {
    const wrong = all
      .filter(({ room }) => room !== 'src/testing')
      .flatMap(({ path, room, text, imports }) => [
        ...(WORLD.test(text) && !WORLD_ROOMS.has(room) ? [`${path} reads the clock or chance`] : []),
        ...(imports.some((name) => name.startsWith('node:fs')) && !FILE_ROOMS.has(room)
          ? [`${path} touches files`]
          : []),
      ]);
    expect(wrong).toEqual([]);
  });

  it('ships nothing that imports the test kit', () => {
    const wrong = all.filter(
      ({ room, imports }) => room !== 'src/testing' && imports.some((name) => name.includes('testing')),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('has default exports in pipelines only', () => {
    const wrong = all.filter(({ path, text }) => !path.startsWith('pipelines/') && /^export default/m.test(text));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});
