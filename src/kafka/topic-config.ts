/** The settings of a topic that matter to us: read, and given to topics that are created. */
import type { TopicInfo, TopicSpec } from '../log/log-client.ts';

export interface TopicSetting {
  readonly name: string;
  readonly value?: string | null | undefined;
}

const TIMESTAMP_TYPE = 'message.timestamp.type';
const APPEND_TIME = 'LogAppendTime';
const MAX_MESSAGE_BYTES = 'max.message.bytes';
const KEPT = [
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'retention.ms', value: '-1' },
  { name: 'retention.bytes', value: '-1' },
];
/** What a record batch of one record takes besides key, value and headers, at most. */
const OVERHEAD_BYTES = 96;

export const SETTING_NAMES: readonly string[] = [TIMESTAMP_TYPE, MAX_MESSAGE_BYTES];

export function settingsOf({ recordBytes, keep }: TopicSpec): { name: string; value: string }[] {
  const settings = [{ name: TIMESTAMP_TYPE, value: APPEND_TIME }];
  if (recordBytes !== undefined)
    settings.push({ name: MAX_MESSAGE_BYTES, value: String(recordBytes + OVERHEAD_BYTES) });
  if (keep === 'forever') settings.push(...KEPT);
  return settings;
}

/** Where we may not read the settings, times are taken for the producers', and the broker judges the sizes. */
export function topicInfo(topic: string, partitions: number, settings: readonly TopicSetting[]): TopicInfo {
  const valueOf = (name: string) => settings.find((setting) => setting.name === name)?.value;
  const maxMessageBytes = Number(valueOf(MAX_MESSAGE_BYTES) ?? Number.POSITIVE_INFINITY);
  return {
    topic,
    partitions,
    timestampType: valueOf(TIMESTAMP_TYPE) === APPEND_TIME ? 'append' : 'create',
    maxRecordBytes: maxMessageBytes - OVERHEAD_BYTES,
  };
}
