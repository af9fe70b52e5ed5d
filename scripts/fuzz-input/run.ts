/**
 * `npm run fuzz:input -- --records 1000000 --seed 1`: feeds broken, strange and honest orders to the orders steps and finds
 * each of them again: emitted once, or in the DLQ once, byte for byte and with a reason. Memory must stay within a bound.
 */
import { flagsOf, numberOf } from '../flags.ts';
import { fuzzInput } from './fuzz.ts';

const MIB = 1024 * 1024;
const USAGE = `npm run fuzz:input -- [--records 50000] [--seed 1] [--memory-mib 900]

Broken, strange and honest orders through the orders steps: each is found again, emitted once or in the DLQ once.`;

const values = flagsOf(USAGE, {
  records: { type: 'string', default: '50000' },
  seed: { type: 'string', default: '1' },
  'memory-mib': { type: 'string', default: '900' },
});
const records = numberOf(USAGE, 'records', values.records, 1);
const seed = numberOf(USAGE, 'seed', values.seed, 0);
const limit = numberOf(USAGE, 'memory-mib', values['memory-mib'], 1);
const began = performance.now();
const report = await fuzzInput({ records, seed, progress: (line) => process.stderr.write(`${line}\n`) });
const seconds = ((performance.now() - began) / 1000).toFixed(1);
const { emitted, rejected, late, honest, kinds, mistakes, peakBytes, bytesBefore } = report;
console.log(`${report.records} records in ${seconds} s: ${emitted} emitted, ${rejected} rejected, ${late} late`);
console.log(
  `rejected: ${Object.entries(kinds)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ')}`,
);
console.log(`honest: ${honest}, all emitted and none late, unless told below`);
console.log(
  `memory: ${Math.round(peakBytes / MIB)} MiB at most, ${Math.round(bytesBefore / MIB)} MiB before the pipeline ran`,
);
const isTooMuch = peakBytes > limit * MIB;
for (const mistake of mistakes) console.log(`MISTAKE: ${mistake}`);
if (isTooMuch) console.log(`MISTAKE: more memory than ${limit} MiB`);
if (mistakes.length > 0 || isTooMuch) {
  console.log(`seed ${seed}`);
  process.exitCode = 1;
}
