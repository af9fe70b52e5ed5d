/** The orders job from Kafka to Kafka on millrace and on other engines, each at the strongest delivery that it has. */
import { alternate, beginning, type Measurement } from './measure.ts';
import { type Engine, inputOf, runEngine } from './orders-engine.ts';
import { bytewax, flink, kafkaStreams, millrace, quixStreams } from './orders-peers.ts';
import { openStage } from './orders-stage.ts';
import { printEngines } from './orders-table.ts';

export const DEFAULT_ORDERS = 2_000_000;

export interface EngineMeasurement extends Measurement, Pick<Engine, 'delivery' | 'dropsLate'> {
  readonly shuffle: string;
  readonly orders: number;
}

export interface OrdersOptions {
  readonly runs: number;
  readonly records?: number | undefined;
  /** Beginning of the names of those that run. */
  readonly only?: string | undefined;
  /** Whether the product is the key of the orders already. */
  readonly keyed?: boolean | undefined;
}

/** Each run reads a whole topic under a group, and with a state directory, of its own. */
export async function benchOrders({
  runs,
  records = DEFAULT_ORDERS,
  only = '',
  keyed = false,
}: OrdersOptions): Promise<EngineMeasurement[]> {
  const all = [millrace('exactly-once'), kafkaStreams(), flink(), bytewax(), quixStreams()];
  const engines = beginning(only, all);
  const stage = await openStage(records, keyed ? 'product' : 'order');
  try {
    const contenders = engines.map((engine) => ({ ...engine, run: () => runEngine(stage, engine) }));
    const measurements = (await alternate(contenders, runs)).map((measurement, i): EngineMeasurement => {
      const { delivery, dropsLate = false, shuffle } = engines[i];
      return {
        ...measurement,
        delivery,
        dropsLate,
        shuffle: shuffle(keyed),
        orders: inputOf(stage, engines[i]).records,
      };
    });
    printEngines(keyed ? 'orders, keyed by product' : 'orders', measurements);
    return measurements;
  } finally {
    await stage.stop();
  }
}
