import { kafka, pipeline } from 'millrace';
import { decodeJson, map, sinkJsonl } from 'millrace/operators';

// expect: 'some rejections have nowhere to go: add toDLQ() or lateTo()'
export const unhandled = pipeline('unhandled', kafka('a').pipe(decodeJson(), sinkJsonl('a.jsonl')));

// fine: a callback that throws stops the pipeline where there is no DLQ
export const handled = pipeline('handled', kafka('a').pipe(map((r) => r.offset), sinkJsonl('a.jsonl')));
