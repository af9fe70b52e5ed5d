/** A spool on the disk of this machine, for one process and one cluster. */
import { join } from 'node:path';
import { processProbe } from '../checkpoint/process-probe.ts';
import { MillraceError } from '../core/errors.ts';
import type { Clock } from '../core/ports.ts';
import { takeLock } from '../files/lock-file.ts';
import { nodeDisk } from '../files/node-disk.ts';
import { Spool } from '../spool/spool.ts';

export interface OpenSpool {
  readonly spool: Spool;
  /** Lets another process have the folder; behind the spool's own `close`. */
  release(): Promise<void>;
}

/**
 * @throws MillraceError OWNED_ELSEWHERE when another process uses the spool, CONFIG_INVALID when it holds records for another
 *   cluster, STORE_FAILED when it cannot be read or written
 */
export async function openSpoolFolder(options: {
  readonly folder: string;
  readonly file?: string | undefined;
  readonly maxBytes: number;
  readonly brokers: readonly string[];
  readonly clock: Clock;
}): Promise<OpenSpool> {
  const { folder, file, maxBytes, brokers, clock } = options;
  await nodeDisk.mkdir(folder);
  const { pid, birth } = processProbe;
  const me = { pid, birth: birth(pid) ?? '', since: clock.now() };
  const release = await takeLock(join(folder, 'lock'), me, (holder) => birth(holder.pid) === holder.birth);
  try {
    const spool = await Spool.open({ disk: nodeDisk, folder, file, maxBytes });
    await keepToOneCluster(folder, spool.pending, brokers);
    return { spool, release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** Records that wait for one cluster must not go to another. */
async function keepToOneCluster(folder: string, pending: number, brokers: readonly string[]): Promise<void> {
  const path = join(folder, 'brokers');
  const before = (await nodeDisk.size(path)) === undefined ? '' : Buffer.from(await nodeDisk.read(path)).toString();
  const known = before.split('\n').filter(Boolean);
  if (pending > 0 && known.length > 0 && !brokers.some((broker) => known.includes(broker))) {
    const text = `${folder} holds ${pending} records for Kafka at ${known.join(',')}, not for ${brokers.join(',')}`;
    const hint = `send them first, with --brokers ${known.join(',')}, or use another --spool DIR; where it is the same cluster under a new address, write that into ${path}`;
    throw new MillraceError('CONFIG_INVALID', text, { hint });
  }
  const text = brokers.map((broker) => `${broker}\n`).join('');
  if (text === before) return;
  await nodeDisk.remove(`${path}.new`);
  await nodeDisk.write(`${path}.new`, 0, Buffer.from(text));
  await nodeDisk.sync(`${path}.new`);
  await nodeDisk.rename(`${path}.new`, path);
  await nodeDisk.syncDir(folder);
}
