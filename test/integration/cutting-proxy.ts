/** Stands between a client and a broker, and loses answers: what was sent has arrived, and the client does not know. */
import { randomAt } from '../../src/core/random.ts';
import { type Proxy, type ProxyPlace, startProxy } from './proxy.ts';

export interface CuttingProxy extends Proxy {
  /** Connections that were cut so far. */
  readonly cuts: number;
  /** The share of answers, from now on, at which the connection ends instead. */
  cutShare: number;
}

export async function startCuttingProxy(place: ProxyPlace, seed: number): Promise<CuttingProxy> {
  const random = randomAt(seed, 0);
  const cutting = { cuts: 0, cutShare: 0 };
  const proxy = await startProxy(place, (client, broker) => {
    client.pipe(broker);
    broker.on('data', (answer) => {
      if (random() >= cutting.cutShare) {
        client.write(answer);
        return;
      }
      cutting.cuts++;
      client.destroy();
      broker.destroy();
    });
  });
  return Object.assign(cutting, proxy);
}
