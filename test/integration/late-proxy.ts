/** Stands between a client and a broker, and lets a request arrive long after the client has lost the connection and sent it again. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Proxy, type ProxyPlace, startProxy } from './proxy.ts';

export interface LateProxy extends Proxy {
  /** Ends the connection at the client when it sends a request of this API key; the broker gets that `ms` later. Resolves then. */
  delayNext(apiKey: number, ms: number): Promise<void>;
}

const LENGTH_BYTES = 4;

export async function startLateProxy(place: ProxyPlace): Promise<LateProxy> {
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

  const proxy = await startProxy(place, (client, broker) => {
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (bytes) => {
      rest = forward(Buffer.concat([rest, bytes]), client, broker);
    });
    broker.pipe(client);
  });
  return { ...proxy, delayNext: (apiKey, ms) => new Promise((done) => (delay = { apiKey, ms, done })) };
}
