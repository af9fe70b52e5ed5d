/**
 * Requests and answers of our own on the socket of a library's connection, past its queue: large ones are copied once when they are
 * read, and not at all when they are written.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../core/ports.ts';

export interface ChannelRequest {
  /** API key and version; both of request and answer have the flexible header. */
  readonly key: number;
  readonly version: number;
  readonly payload: readonly Buffer[];
}

interface Pending {
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (reason: Error) => void;
  readonly answered: AbortController;
}

/** The library counts from 1 on; ours begin where it never comes to. */
const FIRST_ID = 0x4000_0000;
const LAST_ID = 0x7fff_ffff;
/** The length of a frame, which does not count itself, and who it answers. */
const HEAD_BYTES = 8;
const LENGTH_BYTES = 4;
/** Behind the head of an answer: that it has no tagged fields. */
const TAGS_BYTES = 1;
const NO_TAGS = 0;
/** Longer pieces are written as they are, shorter ones together. */
const LARGE = 4_096;
const REQUEST_MS = 30_000;
/** No answer is that long: a fetch asks for a few megabytes, and a batch of records that is larger comes alone. */
const MAX_FRAME_BYTES = 1024 ** 3;

export class RawChannel {
  private readonly socket: Socket;
  private readonly clock: Clock;
  private readonly clientId: Buffer;
  /** The library's own reader, which gets the frames that are none of ours, whole. */
  private readonly others: readonly ((frame: Buffer) => void)[];
  private readonly pending = new Map<number, Pending>();
  private nextId = FIRST_ID;
  private readonly head = Buffer.alloc(HEAD_BYTES);
  private headBytes = 0;
  /** The frame that is being read, head included, and how far. */
  private frame: Buffer | undefined;
  private frameBytes = 0;

  /** To be made when nothing is under way on the socket. */
  constructor(socket: Socket, clientId: string, clock: Clock) {
    this.socket = socket;
    this.clientId = Buffer.from(clientId);
    this.clock = clock;
    this.others = socket.listeners('data') as ((frame: Buffer) => void)[];
    socket.removeAllListeners('data');
    socket.on('data', (bytes: Buffer) => this.read(bytes));
  }

  /**
   * Resolves with the answer behind its header. The bytes of the request must stay as they are until then.
   * @throws Error when none comes within 30 s, and what `fail` was given
   */
  send({ key, version, payload }: ChannelRequest): Promise<Buffer> {
    const id = this.nextId;
    this.nextId = id === LAST_ID ? FIRST_ID : id + 1;
    return new Promise((resolve, reject) => {
      const answered = new AbortController();
      this.write([this.header(key, version, id), ...payload]);
      this.pending.set(id, { resolve, reject, answered });
      void this.clock.sleep(REQUEST_MS, answered.signal).then(() => {
        if (this.pending.delete(id)) reject(new Error(`no answer within ${REQUEST_MS / 1000} s`));
      });
    });
  }

  /** The connection has ended: so has all that waits for an answer. */
  fail(reason: Error): void {
    for (const { reject, answered } of this.pending.values()) {
      answered.abort();
      reject(reason);
    }
    this.pending.clear();
  }

  private header(key: number, version: number, id: number): Buffer {
    const { clientId } = this;
    const header = Buffer.allocUnsafe(11 + clientId.length);
    header.writeInt16BE(key, 0);
    header.writeInt16BE(version, 2);
    header.writeInt32BE(id, 4);
    header.writeInt16BE(clientId.length, 8);
    header.set(clientId, 10);
    header[10 + clientId.length] = NO_TAGS;
    return header;
  }

  private write(parts: readonly Buffer[]): void {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
    this.socket.cork();
    for (const piece of joined([length, ...parts])) this.socket.write(piece);
    this.socket.uncork();
  }

  private read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.socket.destroyed) {
      if (this.frame === undefined) {
        at += this.readHead(bytes, at);
        continue;
      }
      const taken = Math.min(bytes.length - at, this.frame.length - this.frameBytes);
      this.frame.set(bytes.subarray(at, at + taken), this.frameBytes);
      this.frameBytes += taken;
      at += taken;
      if (this.frameBytes === this.frame.length) this.deliver(this.frame);
    }
  }

  private readHead(bytes: Buffer, at: number): number {
    const taken = Math.min(bytes.length - at, HEAD_BYTES - this.headBytes);
    this.head.set(bytes.subarray(at, at + taken), this.headBytes);
    this.headBytes += taken;
    if (this.headBytes === HEAD_BYTES) this.begin(this.head.readInt32BE(0));
    return taken;
  }

  private begin(length: number): void {
    this.headBytes = 0;
    if (length < LENGTH_BYTES || length > MAX_FRAME_BYTES) {
      this.socket.destroy(new Error(`an answer claims to have ${length} bytes`));
      return;
    }
    this.frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
    this.frame.set(this.head);
    this.frameBytes = HEAD_BYTES;
    if (this.frame.length === HEAD_BYTES) this.deliver(this.frame);
  }

  private deliver(frame: Buffer): void {
    this.frame = undefined;
    const id = frame.readInt32BE(LENGTH_BYTES);
    if (id < FIRST_ID) {
      for (const read of this.others) read.call(this.socket, frame);
      return;
    }
    const own = this.pending.get(id);
    this.pending.delete(id);
    own?.answered.abort();
    if (own === undefined) this.socket.destroy(new Error('an answer came that nobody waits for'));
    else own.resolve(frame.subarray(HEAD_BYTES + TAGS_BYTES));
  }
}

/** The same bytes in few pieces. */
function joined(parts: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[] = [];
  let small: Buffer[] = [];
  for (const part of parts) {
    if (part.length < LARGE) {
      small.push(part);
      continue;
    }
    if (small.length > 0) pieces.push(Buffer.concat(small));
    pieces.push(part);
    small = [];
  }
  if (small.length > 0) pieces.push(Buffer.concat(small));
  return pieces;
}
