import { beforeEach, describe, expect, it } from 'vitest';
import { numbersProject } from './numbers-project.ts';

const PIPELINE = `
import { kafka, merge, pipeline } from 'millrace';
import { decodeJson, sinkConsole, toDLQ } from 'millrace/operators';
const read = (topic) => kafka(topic, { partitions: 2 }).pipe(decodeJson(), toDLQ(topic + '-dlq'));
const params = { both: { default: false, description: 'read two topics' } };
export default pipeline('numbers', { description: 'copies numbers', params }, ({ both }) =>
  [(both ? merge(read('numbers'), read('others')) : read('numbers')).pipe(sinkConsole())]);
`;
const RECORD = '({ index }) => ({ key: String(index), value: JSON.stringify({ index }) })';

const project = numbersProject(PIPELINE, RECORD);
const { call } = project;

beforeEach(async () => {
  await call('numbers --events 40 --once');
});

interface Position {
  readonly partition: number;
  readonly current: number | null;
  readonly next: number;
  readonly end: number;
  readonly because: string;
}

async function positions(line: string): Promise<Position[]> {
  const { out } = await call(`${line} --json`);
  return (JSON.parse(out) as { positions: Position[] }).positions;
}

function again(env: Record<string, string> = {}): Promise<number> {
  return call('numbers --once --generate 0', { env }).then(({ out }) => out.split('\n').filter(Boolean).length);
}

describe('a reset', () => {
  it('counts topics and files among what is left alone, and not what is only shown', async () => {
    const { out } = await call('reset numbers');
    expect(out).toContain('To be left alone, and added to by the next run:\n  topic numbers-dlq on embedded log\n');
    expect(out).not.toContain('stdout');
  });
});

describe('a reset to offsets', () => {
  it('begins every partition at one offset', async () => {
    const [first, second] = await positions('reset numbers --to 5');
    expect([first.next, second.next]).toEqual([5, 5]);
    expect([first.because, second.because]).toEqual(['offset', 'offset']);
    expect(first.current).toBe(first.end);
    await call('reset numbers --to 5 --apply');
    expect(await again()).toBe(40 - 2 * 5);
  });

  it('leaves the partitions alone that are not named', async () => {
    const [first, second] = await positions('reset numbers --to 1:3');
    expect(first).toMatchObject({ next: first.current, because: 'unchanged' });
    expect(second).toMatchObject({ next: 3, because: 'offset' });
    await call('reset numbers --to numbers:1:3 --apply');
    expect(await again()).toBe(second.end - 3);
  });

  it('shows current and new for people, and the command that does it', async () => {
    const { out } = await call('reset numbers --to 0:1,1:2');
    expect(out).toMatch(/numbers\[0\] +\d+ +→ +1 +\d+ +offset/);
    expect(out).toContain('To do it: millrace reset numbers --to 0:1,1:2 --apply');
    expect(await again()).toBe(0);
  });

  it.each([
    ['reset numbers --to 1000', 'has the offsets 0 to'],
    ['reset numbers --to 7:1', 'topic numbers has no partition 7'],
    ['reset numbers --to orders:0:1', 'the pipeline does not read topic orders'],
    ['reset numbers --to 5 --both', 'the pipeline reads several topics (numbers, others): whose offset is meant?'],
    ['reset numbers --to 0:1,0:2', '--to names numbers:0 twice'],
    ['reset numbers --to 5,6', 'It must be earliest, latest, an offset'],
    ['reset numbers --to -1', 'It must be earliest, latest, an offset'],
  ])('is refused in words: %s', async (line, message) => {
    const { code, err } = await call(`${line} --apply`);
    expect(err).toContain(message);
    expect(code).toBe(2);
    expect(await again()).toBe(0);
  });
});

describe('a reset to the beginning', () => {
  it('holds when the next start is told by its environment to begin at the end', async () => {
    const { out } = await call('reset numbers --to earliest --apply --json');
    expect(JSON.parse(out)).toMatchObject({ event: 'reset', pipeline: 'numbers', applied: true, checkpoint: 1 });
    expect(await again({ STARTING_OFFSETS: 'latest' })).toBe(40);
  });

  it('holds where only the environment says where new groups begin', async () => {
    await call('reset numbers --apply', { env: { STARTING_OFFSETS: 'latest' } });
    expect(await again({ STARTING_OFFSETS: 'latest' })).toBe(40);
  });
});

describe('a reset to a time', () => {
  it('begins at the first record at or after it', async () => {
    const rows = await positions('reset numbers --to 2000-01-01T00:00:00Z');
    expect(rows.map(({ next }) => next)).toEqual([0, 0]);
    const later = await positions('reset numbers --to 2100-01-01T00:00:00Z');
    expect(later.every(({ next, end }) => next === end)).toBe(true);
  });
});
