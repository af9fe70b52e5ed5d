import { kafka } from 'millrace';
import { map, sinkJsonl } from 'millrace/operators';

const written = kafka('a').pipe(sinkJsonl('a.jsonl'));
// expect: Property 'pipe' does not exist
export const more = written.pipe(map((value) => value));
