/** What can be said about the pipeline: by a flag or, where there is none, by a variable of the environment. */
import { parseDuration } from 'millrace';

/** The topic of the smaller record. */
export const RAW_TOPIC = 'transactions_raw';

const SHAPES = ['auto', 'full', 'small'];
const TOPIC = /^[\w.-]{1,249}$/;

export const PARAMS = {
  topic: {
    env: 'KAFKA_TOPIC',
    default: 'transactions',
    description: 'topic that is read, and written by the generator',
    check: (value: string) =>
      TOPIC.test(value) && !/^\.+$/.test(value)
        ? undefined
        : 'It must be the name of a topic: letters, digits, dot, hyphen and underscore.',
  },
  outputPath: {
    env: 'OUTPUT_PATH',
    default: 'data/output/parquet',
    description: 'folder of bronze/, silver/, gold/, quarantine/, late/ and raw_csv/',
    check: (value: string) => (value.trim() === '' ? 'It must be a folder.' : undefined),
  },
  triggerInterval: {
    env: 'TRIGGER_INTERVAL',
    default: '30 seconds',
    description: 'how often each layer gets a file of what has come',
    check: (value: string) =>
      Number.isNaN(parseDuration(value)) ? 'It must be a duration, such as 30 seconds or 5 minutes.' : undefined,
  },
  maxOffsetsPerTrigger: {
    env: 'MAX_OFFSETS_PER_TRIGGER',
    default: 0,
    min: 0,
    integer: true,
    description: 'how many records are taken in a trigger interval; 0: as many as come',
  },
  maxFilesPerSink: {
    env: 'MAX_FILES_PER_SINK',
    default: 0,
    min: 0,
    integer: true,
    description: 'how many files each layer keeps, the newest; 0: all',
  },
  showPreviews: {
    env: 'SHOW_PREVIEWS',
    default: true,
    description: 'show no rows of each layer in the terminal',
  },
  msgsPerSec: {
    env: 'MSGS_PER_SEC',
    default: 0,
    min: 0,
    description: 'pace of the generator in records a second; 0: its own, 5, or 1 for the smaller record',
  },
  shape: {
    default: 'auto',
    description: `record that is generated: full, small, or auto: small for topic ${RAW_TOPIC}`,
    check: (value: string) => (SHAPES.includes(value) ? undefined : `It must be one of ${SHAPES.join(', ')}.`),
  },
} as const;
