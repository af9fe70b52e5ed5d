import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const BIN = resolve(import.meta.dirname, '../../../bin/millrace.js');

function millrace(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    cwd: tmpdir(),
    env: { ...process.env, KAFKA_BOOTSTRAP_SERVERS: '', ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the program', { timeout: 30_000 }, () => {
  it('prints its version and help from any folder', () => {
    expect(millrace(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
    expect(millrace(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('--dry-run'), stderr: '' });
  });

  it('exits 2 for a mistake in its arguments, with nothing on stdout', () => {
    const { status, stdout, stderr } = millrace(['orders', '--evnts', '5']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('Did you mean --events?');
  });

  it.each([
    { args: ['orders', '--events', '0'], help: 'orders --help' },
    { args: ['reset', 'orders', '--to', 'never'], help: 'reset orders --help' },
  ])('tells of a bad value once: $args', ({ args, help }) => {
    const { status, stdout, stderr } = millrace(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.match(/is invalid/g)).toHaveLength(1);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(stderr).toContain(`see \`millrace ${help}\``);
  });

  it('exits 2 when npm kept a flag for itself', () => {
    const env = {
      npm_lifecycle_event: 'pipeline',
      npm_lifecycle_script: 'node bin/millrace.js',
      npm_config_dry_run: 'true',
    };
    const { status, stderr } = millrace(['orders'], env);
    expect(status).toBe(2);
    expect(stderr).toContain('npm run pipeline orders -- --dry-run');
  });
});
