import { kafka } from 'millrace';
import { decimal, int64, list, map, nullable, sinkArrow, struct, timestamp, utf8 } from 'millrace/operators';

const rows = kafka('a').pipe(
  map((r) => ({ at: r.timestamp, id: r.topic, n: r.key?.length, total: 1.5 })),
);
const [at, id, n, total] = [timestamp(), utf8(), nullable(int64()), decimal(18, 2)];

// fine: every field has its column, or is left out on purpose
export const whole = rows.pipe(sinkArrow('out', { columns: { at, id, n, total } }));
export const part = rows.pipe(sinkArrow('out', { columns: { at, id, total }, omit: ['n'] }));

// expect: the record has no field 'idd'
export const unknownColumn = rows.pipe(sinkArrow('out', { columns: { at, id, n, total, idd: utf8() } }));

// expect: 'id' does not fit a column of type int64 (a number or bigint)
export const wrongType = rows.pipe(sinkArrow('out', { columns: { at, id: int64(), n, total } }));

// expect: 'n' can be null or missing: wrap its column in nullable()
export const notNullable = rows.pipe(sinkArrow('out', { columns: { at, id, n: int64(), total } }));

// expect: the field 'total' has no column: add one, or name it in omit
export const forgotten = rows.pipe(sinkArrow('out', { columns: { at, id, n } }));

const nested = kafka('a').pipe(map((r) => ({ tags: [r.topic], place: { partition: r.partition } })));

// fine: lists and structs of what the fields hold
export const fitting = nested.pipe(
  sinkArrow('out', { columns: { tags: list(utf8()), place: struct({ partition: int64() }) } }),
);

// expect: 'tags' does not fit a column of type list of int64 (a number or bigint)
export const wrongItems = nested.pipe(sinkArrow('out', { columns: { tags: list(int64()) }, omit: ['place'] }));

const place = struct({ partition: utf8() });
// expect: 'place' does not fit a column of type struct (an object)
export const wrongField = nested.pipe(sinkArrow('out', { columns: { place }, omit: ['tags'] }));
