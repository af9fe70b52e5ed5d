/** What both drivers refuse in the same words. */
import { MillraceError, type Place } from '../core/errors.ts';
import type { TopicPartition } from '../log/log-client.ts';

/** A partition number that the topic does not have. */
export function unknownPartition({ topic, partition }: TopicPartition, partitions: number): MillraceError {
  const message = `topic ${topic} has partitions 0 to ${partitions - 1}, not ${partition}`;
  return new MillraceError('CONFIG_INVALID', message, { place: { topic, partition } });
}

export function offsetOutOfRange(place: Required<Omit<Place, 'operator'>>, first: number, end: number): MillraceError {
  const { topic, partition, offset } = place;
  const message = `${topic}[${partition}] has offsets ${first} to ${end}, not ${offset}`;
  const hint =
    offset < first
      ? 'the records were deleted (retention, or the topic was created anew) before they were read: `pipeline reset` starts where the log does'
      : 'the log is shorter than the checkpoint says (a topic created anew, or records lost): `pipeline reset` starts where the log does';
  return new MillraceError('OFFSET_OUT_OF_RANGE', message, { place, hint });
}

export function assertGroup(group: string): void {
  if (group === '') throw new MillraceError('CONFIG_INVALID', 'a consumer group needs a name');
}

/** ` orders[2]`, ` topic orders`, ` group g`, or nothing: behind `could not append to`. */
export function subjectOf(place: Place | undefined, group: string | undefined): string {
  if (group !== undefined) return ` group ${group}`;
  if (place?.topic === undefined) return '';
  return place.partition === undefined ? ` topic ${place.topic}` : ` ${place.topic}[${place.partition}]`;
}
