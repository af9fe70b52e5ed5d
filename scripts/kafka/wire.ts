/** Just enough of Kafka's protocol to ask a socket whether a broker is behind it and part of its cluster. */
import { createServer, connect } from 'node:net';

const METADATA = 3;
const METADATA_VERSION = 1;
const CORRELATION = 1;
const ANSWER_MS = 2_000;

/** Whether a broker answers there and counts itself among the brokers of its cluster. */
export function isBrokerReady(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = Buffer.alloc(0);
    const end = (ready: boolean): void => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(ANSWER_MS, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes]);
      // Size, correlation id, then the number of brokers.
      if (answer.length >= 12) end(answer.readInt32BE(8) > 0);
    });
  });
}

function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(METADATA, 4);
  request.writeInt16BE(METADATA_VERSION, 6);
  request.writeInt32BE(CORRELATION, 8);
  request.writeInt16BE(-1, 12);
  request.writeInt32BE(0, 14);
  return request;
}

/** A port on 127.0.0.1 that nobody listens on: the one given, if it is free, or any. */
export function freePort(host: string, wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(wanted, host, () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}
