/** The table of the orders bench: medians, ratios, and what is not equal between the engines. */
import { cpus } from 'node:os';
import { median, mediansOf, rateOf, whole } from './measure.ts';
import type { EngineMeasurement } from './orders.ts';

const TITLES = [
  '',
  'orders/s',
  'least to most',
  '×',
  'CPU s a million',
  'CPU s a run',
  'peak MiB',
  'orders',
  'delivery',
  'shuffle',
  'late orders',
];

export function printEngines(title: string, measurements: readonly EngineMeasurement[]): void {
  const javaRates = measurements.filter(({ maker }) => maker === 'java').map(rateOf);
  const best = javaRates.length === 0 ? undefined : Math.max(...javaRates);
  const rounds = measurements[0].runs.length;
  const against = best === undefined ? '' : '; ×: against the fastest engine on Java';
  console.log(`\n${title}: ${mediansOf(rounds)}, Node ${process.version}, ${cpus().length} cores${against}`);
  console.log(`| ${TITLES.join(' | ')} |`);
  console.log(`|${'---|'.repeat(TITLES.length)}`);
  for (const measurement of measurements) console.log(`| ${cellsOf(measurement, best).join(' | ')} |`);
}

function cellsOf(measurement: EngineMeasurement, best: number | undefined): string[] {
  const { name, runs, orders, delivery, shuffle, dropsLate } = measurement;
  const rates = runs.map(({ recordsPerSecond }) => recordsPerSecond);
  // A microsecond a record is a second a million.
  const cpu = median(runs.map(({ cpuMicros }) => cpuMicros));
  return [
    name,
    whole(rateOf(measurement)),
    `${whole(Math.min(...rates))} to ${whole(Math.max(...rates))}`,
    best === undefined ? '–' : (rateOf(measurement) / best).toFixed(2),
    cpu.toFixed(2),
    ((cpu * orders) / 1e6).toFixed(1),
    whole(median(runs.map(({ peakMiB }) => peakMiB))),
    whole(orders),
    delivery,
    shuffle,
    dropsLate === true ? 'dropped' : 'in a topic',
  ];
}
