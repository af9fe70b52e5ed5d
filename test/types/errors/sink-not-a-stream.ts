import { kafka, pipeline } from 'millrace';
import { map } from 'millrace/operators';

// expect: 'a stream has to end with a sink, such as sinkKafka() or sinkJsonl()'
export const open = pipeline('open', kafka('a').pipe(map((record) => record.offset)));
