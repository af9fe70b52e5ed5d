import { describe, expect, it } from 'vitest';
import { type Budgets, type Figures, judge, remark } from '../../bench/guard-budget.ts';

const FIGURES: Figures = {
  heapBytes: 1_000_000,
  bufferBytes: 500_000,
  writtenBytes: 700_000,
  storeCommits: 0.07,
  logTransactions: 0,
  fileSyncs: 0.035,
};
const BUDGETS: Budgets = { node: 20, jobs: { orders: FIGURES } };

function outcomes(figures: Partial<Figures>, node = 20): Record<string, string> {
  const verdicts = judge('orders', { ...FIGURES, ...figures }, BUDGETS, node);
  return Object.fromEntries(verdicts.map(({ figure, outcome }) => [figure, outcome]));
}

describe('the guard', () => {
  it('finds figures within that are as their budgets', () => {
    expect(new Set(Object.values(outcomes({})))).toEqual(new Set(['within']));
  });

  it('lets a figure be over its budget by its tolerance, and not by more', () => {
    expect(outcomes({ heapBytes: 1_040_000 }).heapBytes).toBe('within');
    expect(outcomes({ heapBytes: 1_040_001 }).heapBytes).toBe('over');
  });

  it('finds one commit more at every other checkpoint', () => {
    expect(outcomes({ storeCommits: 0.105 }).storeCommits).toBe('over');
  });

  it('finds the first of what there was none of', () => {
    expect(outcomes({ logTransactions: 0.001 }).logTransactions).toBe('over');
  });

  it('tells when a budget should be lowered', () => {
    expect(outcomes({ writtenBytes: 630_000 }).writtenBytes).toBe('within');
    expect(outcomes({ writtenBytes: 629_999 }).writtenBytes).toBe('much better');
  });

  it('compares what is allocated only under the Node for which the budget was set', () => {
    const { heapBytes, bufferBytes, storeCommits } = outcomes({ heapBytes: 9e9, storeCommits: 1 }, 24);
    expect([heapBytes, bufferBytes, storeCommits]).toEqual(['not compared', 'not compared', 'over']);
  });

  it('takes a job without a budget for over it', () => {
    const [verdict] = judge('new job', FIGURES, BUDGETS, 20);
    expect(remark(verdict)).toBe(
      'OVER    new job: 1,000,000 bytes allocated on the heap a thousand records, and there is no budget for it',
    );
  });

  it('leaves out what the machine does not tell', () => {
    const { writtenBytes: _, ...rest } = FIGURES;
    expect(judge('orders', rest, BUDGETS, 20).map(({ figure }) => figure)).not.toContain('writtenBytes');
  });

  it('names the figure, what it was, what it is and what is allowed', () => {
    const over = judge('orders', { ...FIGURES, storeCommits: 0.14 }, BUDGETS, 20);
    expect(over.map(remark).filter((line) => line !== undefined)).toEqual([
      'OVER    orders: 0.14 commits of the store a thousand records; the budget is 0.07, and up to 0.0707 is allowed',
    ]);
  });
});
