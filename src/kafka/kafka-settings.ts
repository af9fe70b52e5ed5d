/** What can be said about a Kafka cluster: by a flag or, where there is none, by a variable of the environment. */
import { MillraceError } from '../core/errors.ts';
import type { Compression } from './compression.ts';

/** As the command line knows them. */
export interface KafkaFlags {
  /** `host:port`, comma-separated. */
  readonly brokers?: string;
  readonly client?: string;
  readonly compression?: string;
  readonly tls?: boolean;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly saslMechanism?: string;
  readonly saslUsername?: string;
  readonly saslPasswordFile?: string;
  readonly allowCleartextPassword?: boolean;
}

export interface ConfigEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** The text of a file; throws as node:fs does. */
  readonly readFile: (path: string) => string;
}

/** A value, and the flag or variable that it came from. */
export interface Setting {
  readonly value: string;
  readonly name: string;
}

type Key = keyof KafkaFlags;

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4'] as const satisfies readonly Compression[];
export const DRIVERS = ['millrace', 'kafkajs'] as const;

/** There is no flag for the password: the flags of a process can be seen by others on its machine. */
export const PASSWORD_VARIABLE = 'MILLRACE_SASL_PASSWORD';

export const SETTINGS: Readonly<Record<Key, { readonly flag: string; readonly variable: string }>> = {
  brokers: { flag: '--brokers', variable: 'KAFKA_BOOTSTRAP_SERVERS' },
  client: { flag: '--client', variable: 'MILLRACE_CLIENT' },
  compression: { flag: '--compression', variable: 'MILLRACE_COMPRESSION' },
  tls: { flag: '--tls', variable: 'MILLRACE_TLS' },
  tlsCa: { flag: '--tls-ca', variable: 'MILLRACE_TLS_CA' },
  tlsCert: { flag: '--tls-cert', variable: 'MILLRACE_TLS_CERT' },
  tlsKey: { flag: '--tls-key', variable: 'MILLRACE_TLS_KEY' },
  saslMechanism: { flag: '--sasl-mechanism', variable: 'MILLRACE_SASL_MECHANISM' },
  saslUsername: { flag: '--sasl-username', variable: 'MILLRACE_SASL_USERNAME' },
  saslPasswordFile: { flag: '--sasl-password-file', variable: 'MILLRACE_SASL_PASSWORD_FILE' },
  allowCleartextPassword: { flag: '--allow-cleartext-password', variable: 'MILLRACE_ALLOW_CLEARTEXT_PASSWORD' },
};

const YES = new Set(['true', 'yes', '1']);
const NO = new Set(['false', 'no', '0']);

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
};

export class Settings {
  private readonly flags: KafkaFlags;
  private readonly environment: ConfigEnvironment;

  constructor(flags: KafkaFlags, environment: ConfigEnvironment) {
    this.flags = flags;
    this.environment = environment;
  }

  /** The flag before the variable; an empty variable counts as none. */
  get(key: Key): Setting | undefined {
    const { flag } = SETTINGS[key];
    const value = this.flags[key];
    return value === undefined ? this.variable(SETTINGS[key].variable) : { value: String(value), name: flag };
  }

  variable(name: string): Setting | undefined {
    const value = this.environment.variables[name];
    return value === undefined || value === '' ? undefined : { value, name };
  }

  /** The first flag, other than this one, that was given. */
  firstFlagBut(key: Key): string | undefined {
    const given = (Object.keys(SETTINGS) as Key[]).find((each) => each !== key && this.flags[each] !== undefined);
    return given && SETTINGS[given].flag;
  }

  /** `undefined` where nothing was said. */
  isOn(key: 'tls' | 'allowCleartextPassword'): boolean | undefined {
    const setting = this.get(key);
    const word = setting?.value.toLowerCase();
    if (word === undefined) return undefined;
    if (YES.has(word) || NO.has(word)) return YES.has(word);
    throw invalid(`${setting!.name}: '${setting!.value}' is neither true nor false`, 'write true or false');
  }

  oneOf<T extends string>(key: Key, choices: readonly T[]): T | undefined {
    const setting = this.get(key);
    if (setting === undefined) return undefined;
    const choice = choices.find((each) => each.toLowerCase() === setting.value.toLowerCase());
    if (choice !== undefined) return choice;
    throw invalid(`${setting.name}: '${setting.value}' is not known`, `choose one of ${choices.join(', ')}`);
  }

  /** The text of the file that a setting names. Where the setting is about a secret, its value is not told. */
  file({ value, name }: Setting, { secret = false } = {}): string {
    try {
      return this.environment.readFile(value);
    } catch (thrown) {
      const { code = '' } = thrown as NodeJS.ErrnoException;
      const reason = UNREADABLE[code] ?? (secret ? code : (thrown as Error).message);
      throw invalid(`${name}: the file${secret ? '' : ` ${value}`} cannot be read: ${reason}`, 'check path and rights');
    }
  }
}

export function invalid(message: string, hint: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', message, { hint });
}

/** `--tls-ca FILE (or MILLRACE_TLS_CA)` */
export function nameOf(key: Key, placeholder?: string): string {
  const { flag, variable } = SETTINGS[key];
  return `${flag}${placeholder === undefined ? '' : ` ${placeholder}`} (or ${variable})`;
}
