/** The flags of `npm run torture`. */
import { parseArgs } from 'node:util';
import { SABOTAGES } from './sabotage.ts';
import { SUBJECTS, type SubjectName } from './subjects.ts';

const EXIT_USAGE = 2;
const USAGE = `npm run torture -- [--kills 30] [--seed 1] [--pipeline orders] [--brokers auto|HOST:PORT] [--sabotage NAME] [--keep]

  --pipeline  ${SUBJECTS.join(', ')}
  --brokers   Kafka instead of the embedded log; auto starts a broker, another one must not have the topics yet
  --sabotage  leaves one safety step out, which must come out red: ${Object.keys(SABOTAGES).join(', ')}
  --keep      keeps the folder of a run that was exact`;

export interface TortureFlags {
  readonly pipeline: SubjectName;
  readonly kills: number;
  readonly seed: number;
  readonly brokers: string | undefined;
  readonly sabotage: string | undefined;
  readonly keep: boolean;
}

export function readFlags(): TortureFlags {
  try {
    const { values } = parseArgs({
      options: {
        kills: { type: 'string', default: '30' },
        seed: { type: 'string', default: '1' },
        pipeline: { type: 'string', default: 'orders' },
        brokers: { type: 'string' },
        sabotage: { type: 'string' },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    }
    const { sabotage, keep } = values;
    const scenario = sabotage === undefined ? undefined : SABOTAGES[sabotage];
    if (sabotage !== undefined && scenario === undefined) throw new Error(`no safety step '${sabotage}'`);
    const pipeline = SUBJECTS.find((name) => name === values.pipeline);
    if (pipeline === undefined) throw new Error(`no pipeline '${values.pipeline}' to torture`);
    if (scenario?.pipelines?.includes(pipeline) === false) {
      throw new Error(`${sabotage} leaves out nothing that ${pipeline} has`);
    }
    const kills = wholeNumber('--kills', values.kills, 1);
    const brokers =
      scenario === undefined ? values.brokers : scenario.log === 'kafka' ? (values.brokers ?? 'auto') : undefined;
    return { pipeline, kills, seed: wholeNumber('--seed', values.seed, 0), brokers, sabotage, keep };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`);
    process.exit(EXIT_USAGE);
  }
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new Error(`${flag} takes a whole number of at least ${least}, not '${text}'`);
  }
  return value;
}
