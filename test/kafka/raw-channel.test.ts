import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { ManualClock } from 'millrace/testing';
import { describe, expect, it } from 'vitest';
import { RawChannel } from '../../src/kafka/raw-channel.ts';

/** A socket whose other end is the test, with a reader of the library's on it. */
class TestSocket extends EventEmitter {
  destroyed = false;
  readonly written: Buffer[] = [];
  /** Frames that the library has got. */
  readonly others: Buffer[] = [];

  constructor() {
    super();
    this.on('data', (frame: Buffer) => this.others.push(Buffer.from(frame)));
  }

  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    return true;
  }

  destroy(error: Error): void {
    this.destroyed = true;
    this.emit('destroyed', error);
  }

  cork(): void {}
  uncork(): void {}
}

function open(clock = new ManualClock(0)) {
  const socket = new TestSocket();
  return { socket, channel: new RawChannel(socket as unknown as Socket, 'me', clock) };
}

function frame(id: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + body.length, 0);
  head.writeInt32BE(id, 4);
  return Buffer.concat([head, body]);
}

/** The frame of an answer of ours: behind its head stands that it has no tags. */
function answer(id: number, body: Uint8Array): Buffer {
  return frame(id, Buffer.concat([Buffer.of(0), body]));
}

function requestId(written: readonly Buffer[]): number {
  return Buffer.concat(written).readInt32BE(8);
}

describe('RawChannel', () => {
  it('writes length, header and payload, and large pieces as they are', () => {
    const { socket, channel } = open();
    const large = Buffer.alloc(10_000, 7);
    void channel.send({ key: 0, version: 9, payload: [Buffer.of(1), Buffer.of(2, 3), large, Buffer.of(4)] });
    expect(socket.written.some((piece) => piece === large)).toBe(true);
    expect(socket.written).toHaveLength(3);
    const bytes = Buffer.concat(socket.written);
    expect(bytes.readInt32BE(0)).toBe(bytes.length - 4);
    expect([bytes.readInt16BE(4), bytes.readInt16BE(6)]).toEqual([0, 9]);
    expect(bytes.toString('latin1', 12, 17)).toBe('\u0000\u0002me\u0000');
    expect([...bytes.subarray(17, 20)]).toEqual([1, 2, 3]);
    expect(bytes.at(-1)).toBe(4);
  });

  it('gives each answer to whoever has asked, however frames are cut, and to the library what is its own', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 30 })), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 20 }),
        async (frames, cuts) => {
          const { socket, channel } = open();
          const got: Promise<Buffer>[] = [];
          const library: Buffer[] = [];
          const sent = frames.map(([isOurs, body], i) => {
            if (!isOurs) {
              library.push(frame(i, body));
              return frame(i, body);
            }
            socket.written.length = 0;
            got.push(channel.send({ key: 1, version: 13, payload: [] }));
            return answer(requestId(socket.written), body);
          });
          const bytes = Buffer.concat(sent);
          for (let at = 0, i = 0; at < bytes.length; i++) {
            const end = at + cuts[i % cuts.length];
            socket.emit('data', bytes.subarray(at, end));
            at = end;
          }
          expect(socket.others).toEqual(library);
          const bodies = frames.filter(([isOurs]) => isOurs).map(([, body]) => Buffer.from(body));
          expect((await Promise.all(got)).map((each) => Buffer.from(each))).toEqual(bodies);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  it('gives up on an answer that does not come, and ends the connection on one that comes too late', async () => {
    const clock = new ManualClock(0);
    const { socket, channel } = open(clock);
    const late = channel.send({ key: 1, version: 13, payload: [] });
    clock.advance(30_000);
    await expect(late).rejects.toThrow('no answer within 30 s');
    socket.emit('data', answer(requestId(socket.written), Buffer.of(1)));
    expect(socket.others).toEqual([]);
    expect(socket.destroyed).toBe(true);
  });

  it('fails what waits when the connection has ended', async () => {
    const { channel } = open();
    const waiting = [1, 2].map(() => channel.send({ key: 1, version: 13, payload: [] }));
    channel.fail(new Error('gone'));
    for (const each of waiting) await expect(each).rejects.toThrow('gone');
  });

  it.each([-1, 3, 2 ** 31 - 1])('ends a connection on which an answer claims to have %i bytes', (length) => {
    const { socket } = open();
    let reason: Error | undefined;
    socket.on('destroyed', (error: Error) => (reason = error));
    const bytes = Buffer.alloc(20);
    bytes.writeInt32BE(length, 0);
    socket.emit('data', bytes);
    expect(reason?.message).toBe(`an answer claims to have ${length} bytes`);
  });
});
