/** One run of the orders bench in a process of its own: `tsx bench/orders-run.ts BROKERS FOLDER GROUP`; prints one line of JSON. */
import { join } from 'node:path';
import orders from '../pipelines/orders/pipeline.ts';
import { nodeDisk } from '../src/files/node-disk.ts';
import { openEnvironment } from '../src/runtime/environment.ts';
import { run } from '../src/runtime/run.ts';
import { systemClock } from '../src/time/clock.ts';

const [brokers, folder, group] = process.argv.slice(2);
const environment = await openEnvironment({ brokers, stateDir: join(folder, '.millrace') });
const cpuBefore = process.cpuUsage();
const report = await run(orders, {
  ...environment,
  clock: systemClock,
  disk: nodeDisk,
  mode: 'once',
  outputDir: folder,
  group,
  signal: new AbortController().signal,
});
const cpu = process.cpuUsage(cpuBefore);
await environment.close();
process.stdout.write(
  JSON.stringify({
    seconds: report.durationMs / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peak: process.resourceUsage().maxRSS / 1024,
    read: report.status.nodes[0].counts.in,
  }),
);
