import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { ledgerOf, renderLedger } from '../../../src/runtime/cli/render-ledger.ts';
import { renderLine, renderStatus } from '../../../src/runtime/cli/render-status.ts';
import { nodeStatus, runStatus } from './fixtures.ts';

const frame = { width: 120, height: 40, colors: pc.createColors(false), unicode: true };

describe('the live view', () => {
  it('shows rates, watermark, lag, rejections and checkpoint', () => {
    expect(renderStatus(runStatus(), undefined, frame)).toMatchInlineSnapshot(`
      [
        "p · embedded log · group g · exactly-once · running 10.0 s",
        "step            in/s  out/s  in all",
        "kafka(in)          0      0   1,200",
        "validate           0      0   1,200  10 rejected",
        "watermark          0      0   1,190",
        "toDLQ(dlq)         0      0   1,190  10 taken",
        "sinkKafka(out)     0          1,190",
        "watermark   2024-02-29 11:59:55Z, 5.0 s behind the clock · held back by in[1]",
        "lag         in[0] 0 · in[1] 7",
        "data        rejected 10 · late 0 → toDLQ(dlq) 10 · under way 2 KiB of 64.0 MiB",
        "checkpoint  42, 300 ms ago, took 4 ms",
      ]
    `);
  });

  it('takes rates from the status before', () => {
    const earlier = runStatus({
      now: runStatus().now - 2_000,
      nodes: [nodeStatus('kafka(in)', { in: 1_000, emitted: 1_100 }, { role: 'source' })],
    });
    const [, , source] = renderStatus(runStatus(), earlier, frame);
    expect(source.split(/ +/)).toEqual(['kafka(in)', '100', '50', '1,200']);
  });

  it('fits the width and the height', () => {
    const nodes = Array.from({ length: 50 }, (_, i) => nodeStatus(`a step with a long name, number ${i}`, { in: i }));
    const lines = renderStatus(runStatus({ nodes }), undefined, { ...frame, width: 20, height: 16 });
    expect(lines.length).toBeLessThanOrEqual(16);
    expect(lines.every((line) => line.length <= 20)).toBe(true);
    expect(lines.some((line) => line.startsWith('… 44 more steps'))).toBe(true);
  });

  it('marks lines that do not fit', () => {
    const [head] = renderStatus(runStatus(), undefined, { ...frame, width: 40 });
    expect(head).toBe('p · embedded log · group g · exactly-on…');
    const lines = renderStatus(runStatus(), undefined, { ...frame, width: 40, unicode: false });
    expect(lines[0]).toBe('p - embedded log - group g - exactly-...');
    expect(lines.every((line) => line.length <= 40)).toBe(true);
  });

  it('sums the lag up where there are many partitions', () => {
    const partitions = Array.from({ length: 20 }, (_, partition) => ({
      ...runStatus().partitions[0],
      partition,
      lag: partition,
    }));
    expect(renderStatus(runStatus({ partitions }), undefined, frame).join('\n')).toContain(
      '190 over 20 partitions, most in in[19] 19',
    );
  });

  it('has colours only when asked', () => {
    expect(renderStatus(runStatus(), undefined, frame).join('')).not.toContain('\u001b');
    expect(renderStatus(runStatus(), undefined, { ...frame, colors: pc.createColors(true) }).join('')).toContain(
      '\u001b',
    );
  });

  it('has a form in one line', () => {
    expect(renderLine(runStatus({ late: 3 }), undefined)).toBe(
      'running 10.0 s, 0 records/s, lag 7, watermark 2024-02-29 11:59:55Z, rejected 10, late 3, checkpoint 42, 300 ms ago, took 4 ms',
    );
  });

  it('counts open windows where a step has some, be it none just now', () => {
    const nodes = [0, 2].map((openWindows) => nodeStatus(`w${openWindows}`, {}, { openWindows }));
    expect(renderLine(runStatus({ nodes }), undefined)).toContain(', 2 windows open, ');
    expect(renderLine(runStatus({ nodes: nodes.slice(0, 1) }), undefined)).toContain(', 0 windows open, ');
  });
});

describe('the ledger at the end', () => {
  it('shows nodes and edges, and that they balance', () => {
    expect(renderLedger(runStatus())).toMatchInlineSnapshot(`
      [
        "Ledger, since the first start (in = passed + filtered + rejected + late + pending):",
        "  node               in  passed  filtered  rejected  late  pending    out  taken",
        "  kafka(in)       1,200   1,200         ·         ·     ·        ·  1,200      ·",
        "  validate        1,200   1,190         ·        10     ·        ·  1,190      ·",
        "  watermark       1,190   1,190         ·         ·     ·        ·  1,190      ·",
        "  toDLQ(dlq)      1,190   1,190         ·         ·     ·        ·  1,190     10",
        "  sinkKafka(out)  1,190   1,190         ·         ·     ·        ·      ·      ·",
        "  kafka(in) → validate         1,200",
        "  validate → watermark         1,190  and 10 rejected on their way",
        "  watermark → toDLQ(dlq)       1,190  and 10 rejected on their way",
        "  toDLQ(dlq) → sinkKafka(out)  1,190",
        "Balanced: every record is accounted for.",
      ]
    `);
  });

  it('says what does not balance', () => {
    const [source, ...others] = runStatus().nodes;
    const nodes = [nodeStatus(source.id, { ...source.counts, emitted: 1_199 }, source), ...others];
    const broken = [{ ...nodes[0], counts: { ...source.counts, emitted: 1_199 } }, ...others];
    expect(ledgerOf(runStatus({ nodes: broken }))).toMatchObject({
      balanced: false,
      imbalance: expect.stringContaining('kafka(in) → validate'),
    });
    expect(renderLedger(runStatus({ nodes: broken })).at(-1)).toContain('NOT BALANCED');
  });
});
