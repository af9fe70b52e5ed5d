/**
 * `npm run guard`: what a thousand records cost in bytes allocated, bytes written and commits, against the budgets in
 * guard-budget.json; fails where one is exceeded. `npm run guard -- --set` makes today's figures the budgets.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flagsOf } from '../scripts/flags.ts';
import { runScript } from './child.ts';
import { amount, type Budgets, type Figures, judge, KINDS, remark, type Verdict } from './guard-budget.ts';
import { GUARD_JOBS } from './guard-jobs.ts';

const BUDGETS = join(import.meta.dirname, 'guard-budget.json');
/** So that compiling and collecting come at the same places in every run. */
const PREDICTABLE = ['--predictable', '--random-seed=1', '--hash-seed=1'];

const USAGE = `npm run guard [-- --set]

Counts what a thousand records cost in bytes allocated, bytes written and commits, and ends with 1 where a budget is exceeded.
  --set  makes what is counted now the budgets, in bench/guard-budget.json`;

const values = flagsOf(USAGE, { set: { type: 'boolean', default: false } });
const node = Number(process.versions.node.split('.')[0]);
const jobs: Record<string, Figures> = {};
for (const job of Object.keys(GUARD_JOBS)) jobs[job] = await runScript<Figures>('guard-run.ts', [job], PREDICTABLE);

if (values.set) {
  const rounded = JSON.stringify({ node, jobs }, (_, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  );
  writeFileSync(BUDGETS, `${JSON.stringify(JSON.parse(rounded), null, 2)}\n`);
}
const budgets = JSON.parse(readFileSync(BUDGETS, 'utf8')) as Budgets;
const verdicts = Object.entries(jobs).flatMap(([job, figures]) => judge(job, figures, budgets, node));
print(verdicts);
if (verdicts.some(({ outcome }) => outcome === 'over')) {
  console.log(
    '\nFind what has grown. Where it has to be, set the budgets anew (npm run guard -- --set) and say in the commit why.',
  );
  process.exitCode = 1;
}

function print(verdicts: readonly Verdict[]): void {
  console.log(`guard: figures of a thousand records, Node ${process.version}\n`);
  console.log('| job | figure | now | budget | |');
  console.log('|---|---|---|---|---|');
  for (const { job, figure, now, budget, outcome } of verdicts) {
    const cells = [job, KINDS[figure].name, amount(now), budget === undefined ? '' : amount(budget), outcome];
    console.log(`| ${cells.join(' | ')} |`);
  }
  if (verdicts.some(({ outcome }) => outcome === 'not compared')) {
    console.log(`\nBytes allocated are not compared: their budgets were set under Node ${budgets.node}.`);
  }
  const remarks = verdicts.map(remark).filter((line) => line !== undefined);
  if (remarks.length > 0) console.log(`\n${remarks.join('\n')}`);
}
