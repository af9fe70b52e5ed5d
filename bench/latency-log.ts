/** The log of a latency run, seen from any of its processes, and their common clock. */
import { join } from 'node:path';
import type { LogClient } from '../src/log/log-client.ts';
import { openEnvironment } from '../src/runtime/environment.ts';
import { connectDriver } from './drivers.ts';
import { PARTITIONS } from './topics.ts';

/** In the place of an address: the embedded log of the folder. */
export const EMBEDDED = 'embedded';

export interface OpenLog {
  readonly log: LogClient;
  close(): Promise<void>;
}

/** With the topics that orders are written to and read from. */
export async function openLog(address: string, folder: string): Promise<OpenLog> {
  const opened = await openAt(address, folder);
  await opened.log.createTopics(['orders', 'processed-orders'].map((topic) => ({ topic, partitions: PARTITIONS })));
  return opened;
}

async function openAt(address: string, folder: string): Promise<OpenLog> {
  if (address === EMBEDDED) return openEnvironment({ stateDir: join(folder, '.millrace') });
  const log = await connectDriver('fast', address);
  return { log, close: () => log.close() };
}

/** Milliseconds since the machine was started: the same for all of its processes, whoever sets the clock. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
