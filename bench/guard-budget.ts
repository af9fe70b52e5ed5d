/** Budgets of the guard, and what is said where a figure is over one or far below. */

/** Of a thousand records; a figure is left out where the machine does not tell it. */
export interface Figures {
  readonly heapBytes: number;
  readonly bufferBytes: number;
  readonly writtenBytes?: number;
  readonly storeCommits: number;
  readonly logTransactions: number;
  readonly fileSyncs: number;
}

export type Figure = keyof Figures;

export interface Budgets {
  /** Major version of Node under which they were set: what is allocated depends on its compiler. */
  readonly node: number;
  readonly jobs: Readonly<Record<string, Figures>>;
}

interface Kind {
  readonly name: string;
  /** Share of the budget by which a figure may be over it: more than its runs differ. */
  readonly tolerance: number;
  readonly dependsOnNode: boolean;
}

export const KINDS: Readonly<Record<Figure, Kind>> = {
  heapBytes: { name: 'bytes allocated on the heap', tolerance: 0.04, dependsOnNode: true },
  bufferBytes: { name: 'bytes allocated in buffers', tolerance: 0.04, dependsOnNode: true },
  writtenBytes: { name: 'bytes written', tolerance: 0.05, dependsOnNode: false },
  storeCommits: { name: 'commits of the store', tolerance: 0.01, dependsOnNode: false },
  logTransactions: { name: 'transactions of the log', tolerance: 0.01, dependsOnNode: false },
  fileSyncs: { name: 'syncs of files', tolerance: 0.01, dependsOnNode: false },
};

/** So much below its budget a figure is better for good: the budget should follow. */
const MUCH_BETTER = 0.1;

export interface Verdict {
  readonly job: string;
  readonly figure: Figure;
  readonly now: number;
  readonly budget: number | undefined;
  readonly outcome: 'within' | 'over' | 'much better' | 'not compared';
}

/** What each figure of a job is against its budget; one without a budget is over it. */
export function judge(job: string, figures: Figures, { node, jobs }: Budgets, nodeNow: number): Verdict[] {
  return (Object.keys(figures) as Figure[]).map((figure) => {
    const now = figures[figure]!;
    const budget = jobs[job]?.[figure];
    const isComparable = !KINDS[figure].dependsOnNode || node === nodeNow;
    return { job, figure, now, budget, outcome: isComparable ? outcomeOf(now, budget, KINDS[figure]) : 'not compared' };
  });
}

function outcomeOf(now: number, budget: number | undefined, { tolerance }: Kind): Verdict['outcome'] {
  if (budget === undefined || now > budget * (1 + tolerance)) return 'over';
  return now < budget * (1 - MUCH_BETTER) ? 'much better' : 'within';
}

/** What a person has to know about a verdict; `undefined` where all is well. */
export function remark({ job, figure, now, budget, outcome }: Verdict): string | undefined {
  const { name, tolerance } = KINDS[figure];
  const what = `${job}: ${amount(now)} ${name} a thousand records`;
  if (outcome === 'over' && budget === undefined) return `OVER    ${what}, and there is no budget for it`;
  if (outcome === 'over') {
    const most = amount(budget! * (1 + tolerance));
    return `OVER    ${what}; the budget is ${amount(budget!)}, and up to ${most} is allowed`;
  }
  if (outcome === 'much better') return `BETTER  ${what}; the budget is ${amount(budget!)}: lower it`;
  return undefined;
}

/** Whole, or three digits where it is less than a hundred. */
export function amount(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}
