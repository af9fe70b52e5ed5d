import { kafka, pipeline } from 'millrace';
import { map } from 'millrace/operators';

// expect: is missing the following properties
export const open = pipeline('open', kafka('a').pipe(map((record) => record.offset)));
