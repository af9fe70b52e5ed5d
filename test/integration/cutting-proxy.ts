/** Stands between a client and a broker, and loses answers: what was sent has arrived, and the client does not know. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { randomAt } from '../../src/core/random.ts';

export interface CuttingProxy {
  /** Connections that were cut so far. */
  readonly cuts: number;
  /** The share of answers, from now on, at which the connection ends instead. */
  cutShare: number;
  close(): void;
}

export async function startProxy(options: {
  readonly port: number;
  readonly target: () => number;
  readonly seed: number;
}): Promise<CuttingProxy> {
  const random = randomAt(options.seed, 0);
  const sockets = new Set<Socket>();
  const proxy = { cuts: 0, cutShare: 0, close: () => {} };
  const server: Server = createServer((client) => {
    const broker = connect(options.target(), '127.0.0.1');
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.pipe(broker);
    broker.on('data', (answer) => {
      if (random() >= proxy.cutShare) {
        client.write(answer);
        return;
      }
      proxy.cuts++;
      end();
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve));
  proxy.close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return proxy;
}
