/** The orders job at least once: the pipeline, and programs of the same job written by hand over public clients. */
import { runScript } from './child.ts';
import { alternate, type Contender, type Measurement, type Run } from './measure.ts';
import { checked } from './orders-check.ts';
import { runEngine } from './orders-engine.ts';
import { millrace } from './orders-peers.ts';
import { openStage, type Stage } from './orders-stage.ts';

export async function benchOrdersByHand({
  runs,
  records = 500_000,
}: {
  readonly runs: number;
  readonly records?: number | undefined;
}): Promise<Measurement[]> {
  const stage = await openStage(records);
  try {
    const own = [millrace('at-least-once'), millrace('at-least-once', 'kafkajs')];
    const contenders = [
      ...own.map((engine): Contender => ({ ...engine, run: () => runEngine(stage, engine) })),
      byHand(stage, 'kafkajs', 'orders-kafkajs.ts'),
      byHand(stage, '@platformatic/kafka', 'orders-platformatic.ts'),
    ];
    return await alternate(contenders, runs);
  } finally {
    await stage.stop();
  }
}

function byHand({ brokers, full }: Stage, client: string, script: string): Contender {
  const name = `by hand, ${client}`;
  return {
    name,
    maker: 'public',
    run: (round) =>
      checked(brokers, full, { name, delivery: 'at-least-once' }, () =>
        runScript<Run>(script, [brokers, `${script}-${round}`, full.records]),
      ),
  };
}
