/** Stands between a client and a broker, and lets a request arrive long after the client has lost the connection and sent it again. */
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LateProxy {
  /** Ends the connection at the client when it sends a request of this API key; the broker gets that `ms` later. Resolves then. */
  delayNext(apiKey: number, ms: number): Promise<void>;
  close(): void;
}

const LENGTH_BYTES = 4;

export async function startLateProxy(options: {
  readonly port: number;
  readonly target: () => number;
}): Promise<LateProxy> {
  const sockets = new Set<Socket>();
  let delay: { readonly apiKey: number; readonly ms: number; readonly done: () => void } | undefined;

  /** Takes whole requests out of what has come, and returns the rest. */
  function forward(bytes: Buffer, client: Socket, broker: Socket): Buffer {
    let rest = bytes;
    while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readInt32BE(0)) {
      const request = rest.subarray(0, LENGTH_BYTES + rest.readInt32BE(0));
      rest = rest.subarray(request.length);
      if (request.readInt16BE(LENGTH_BYTES) === delay?.apiKey) void deliverLate(request, client, broker, delay);
      else broker.write(request);
    }
    return rest;
  }

  async function deliverLate(
    request: Buffer,
    client: Socket,
    broker: Socket,
    { ms, done }: NonNullable<typeof delay>,
  ): Promise<void> {
    delay = undefined;
    client.removeAllListeners('close');
    client.destroy();
    await sleep(ms);
    broker.once('data', () => {
      broker.destroy();
      done();
    });
    broker.write(request);
  }

  const server = createServer((client) => {
    const broker = connect(options.target(), '127.0.0.1');
    const end = (): void => {
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', end);
    }
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (bytes) => {
      rest = forward(Buffer.concat([rest, bytes]), client, broker);
    });
    broker.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve));
  return {
    delayNext: (apiKey, ms) => new Promise((done) => (delay = { apiKey, ms, done })),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
