import { describe, expect, it } from 'vitest';
import type { MillraceError } from '../../../src/core/errors.ts';
import { refuseSwallowedFlags, type Swallowable } from '../../../src/runtime/cli/npm-flags.ts';

const flag = (long: string, takesValue = false): Swallowable => ({
  long,
  takesValue,
  isNegated: long.startsWith('--no-'),
});
const flags = [
  flag('--dry-run'),
  flag('--json'),
  flag('--drain'),
  flag('--events', true),
  flag('--group', true),
  flag('--drop-state', true),
  flag('--apply'),
  flag('--to', true),
  flag('--no-print'),
];
const inNpm = { npm_lifecycle_event: 'pipeline', npm_lifecycle_script: 'node bin/millrace.js', npm_config_yes: '' };

function hintFor(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): string | undefined {
  try {
    refuseSwallowedFlags(flags, { argv, env: { ...inNpm, ...env }, readFile: (path) => files[path] ?? '' });
    return undefined;
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
    return (thrown as MillraceError).hint!.split('\n')[1].trim();
  }
}

describe('flags that npm kept for itself', () => {
  it('is silent when npm kept nothing', () => {
    expect(hintFor(['orders'], {})).toBeUndefined();
    expect(hintFor(['orders', '--dry-run'], {})).toBeUndefined();
  });

  it('stops with the command as it was meant', () => {
    expect(hintFor(['orders'], { npm_config_dry_run: 'true' })).toBe('npm run pipeline orders -- --dry-run');
    expect(hintFor(['orders'], { npm_config_events: '100', npm_config_json: 'true' })).toBe(
      'npm run pipeline orders -- --json --events 100',
    );
  });

  it('finds the value that npm made a word of its own', () => {
    const env = { npm_config_events: 'true', npm_config_drain: 'true', npm_config_group: 'true' };
    expect(hintFor(['orders', 'g1', '100'], env)).toBe('npm run pipeline orders -- --drain --events 100 --group g1');
    expect(hintFor(['orders', 'a', 'b'], { npm_config_drop_state: 'true\n\ntrue' })).toBe(
      'npm run pipeline orders -- --drop-state a --drop-state b',
    );
  });

  it('knows what npm makes of --apply and --to', () => {
    const letters = {
      npm_config_all: 'true',
      npm_config_long: 'true',
      npm_config_parseable: 'true',
      npm_config_yes: 'true',
    };
    expect(hintFor(['reset', 'orders'], letters)).toBe('npm run pipeline reset orders -- --apply');
    expect(hintFor(['reset', 'orders'], { npm_config_token_description: 'latest' })).toBe(
      'npm run pipeline reset orders -- --to latest',
    );
    expect(hintFor(['reset', 'orders', 'latest'], { npm_config_to: 'true' })).toBe(
      'npm run pipeline reset orders -- --to latest',
    );
  });

  it("leaves npm's own settings alone", () => {
    expect(hintFor(['orders'], { npm_config_yes: 'true', npm_config_loglevel: 'silent' })).toBeUndefined();
    expect(hintFor(['orders'], { npm_config_json: 'false' })).toBeUndefined();
  });

  it('leaves a setting of a configuration file alone', () => {
    const env = { npm_config_json: 'true', npm_config_dry_run: 'true', npm_config_userconfig: '/u' };
    expect(hintFor(['orders'], env, { '/u': 'json=true\ndry-run = true\n' })).toBeUndefined();
    expect(hintFor(['orders'], env, { '/u': 'json=true\n' })).toBe('npm run pipeline orders -- --dry-run');
  });

  it('says nothing of a flag that arrived, too', () => {
    expect(hintFor(['orders', '--json'], { npm_config_json: 'true' })).toBeUndefined();
  });

  it('keeps what was handed over', () => {
    expect(hintFor(['orders', '--drain'], { npm_config_json: 'true' })).toBe(
      'npm run pipeline orders -- --json --drain',
    );
  });

  it("does not repeat the script's own words", () => {
    const env = { npm_config_json: 'true', npm_lifecycle_event: 'start', npm_lifecycle_script: 'millrace orders' };
    expect(hintFor(['orders'], env)).toBe('npm run start -- --json');
  });

  it('notices a negated flag', () => {
    expect(hintFor(['orders'], { npm_config_print: '' })).toBe('npm run pipeline orders -- --no-print');
  });

  it('is silent outside of a script that runs millrace', () => {
    const env = { npm_config_dry_run: 'true', npm_lifecycle_script: 'vitest run' };
    expect(hintFor(['orders'], env)).toBeUndefined();
  });
});
