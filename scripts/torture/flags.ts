/** The flags of `npm run torture`. */
import { flagsOf, numberOf, refuse } from '../flags.ts';
import { SABOTAGES } from './sabotage.ts';
import { SUBJECTS, type SubjectName } from './subjects.ts';

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
  const values = flagsOf(USAGE, {
    kills: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    pipeline: { type: 'string', default: 'orders' },
    brokers: { type: 'string' },
    sabotage: { type: 'string' },
    keep: { type: 'boolean', default: false },
  });
  const { sabotage, keep } = values;
  const scenario = sabotage === undefined ? undefined : SABOTAGES[sabotage];
  if (sabotage !== undefined && scenario === undefined) refuse(USAGE, `no safety step '${sabotage}'`);
  const pipeline = SUBJECTS.find((name) => name === values.pipeline);
  if (pipeline === undefined) refuse(USAGE, `no pipeline '${values.pipeline}' to torture`);
  if (scenario?.pipelines?.includes(pipeline) === false) {
    refuse(USAGE, `${sabotage} leaves out nothing that ${pipeline} has`);
  }
  const kills = numberOf(USAGE, 'kills', values.kills, 1);
  const seed = numberOf(USAGE, 'seed', values.seed, 0);
  const brokers =
    scenario === undefined ? values.brokers : scenario.log === 'kafka' ? (values.brokers ?? 'auto') : undefined;
  return { pipeline, kills, seed, brokers, sabotage, keep };
}
