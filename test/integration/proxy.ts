/** A broker that clients reach through a proxy only, and what all proxies do. */
import { connect, createServer, type Socket } from 'node:net';
import { type RunningBroker, startBroker } from '../../scripts/kafka/broker.ts';
import { freePort } from '../../scripts/kafka/wire.ts';
import type { KafkaClient } from '../../src/kafka/kafka-client.ts';
import { openKafka } from './kafka.ts';

const HOST = '127.0.0.1';

export interface Proxy {
  close(): void;
}

export interface ProxyPlace {
  readonly port: number;
  /** Port of the broker, asked when a client connects. */
  readonly target: () => number;
}

/** `join` carries what passes between the two ends of a connection, of which the end of one is the end of the other. */
export async function startProxy(
  { port, target }: ProxyPlace,
  join: (client: Socket, broker: Socket) => void,
): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(target(), HOST);
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      // An end follows.
      socket.on('error', () => {});
      socket.on('close', end);
    }
    join(client, broker);
  });
  await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

export interface BehindProxy<P extends Proxy> {
  readonly proxy: P;
  readonly client: KafkaClient;
  close(): Promise<void>;
}

export async function startBehindProxy<P extends Proxy>(
  start: (place: ProxyPlace) => Promise<P>,
): Promise<BehindProxy<P>> {
  const port = await freePort(HOST);
  const address = `${HOST}:${port}`;
  const broker: RunningBroker = await startBroker({ properties: { 'advertised.listeners': `PLAINTEXT://${address}` } });
  const ends: (() => unknown)[] = [() => broker.stop()];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).toReversed()) await end();
  };
  try {
    const proxy = await start({ port, target: () => Number(broker.bootstrap.split(':')[1]) });
    ends.push(() => proxy.close());
    const client = await openKafka(address);
    ends.push(() => client.close());
    return { proxy, client, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
