/** A DTU with one Modbus-RTU slave behind it, byte for byte, so that a test decides what is measured. */

import { connect, type Socket } from 'node:net';

const AGAIN_MS = 500;
const REQUEST_BYTES = 8;

function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

export class Dtu {
  /** Holding registers by address; what is not here reads 0. */
  readonly registers = new Map<number, number>();
  /** Requests answered so far. */
  answered = 0;
  private socket: Socket | null = null;
  private again: ReturnType<typeof setTimeout> | undefined;
  private running = true;

  constructor(
    private readonly port: number,
    readonly serial: string,
    private readonly unit = 1,
  ) {
    this.dial();
  }

  private dial(): void {
    if (!this.running) return;
    const socket = connect(this.port, '127.0.0.1');
    this.socket = socket;
    let waiting = Buffer.alloc(0);
    socket.on('connect', () => socket.write(`${this.serial}\r\n`));
    socket.on('data', (part) => {
      waiting = Buffer.concat([waiting, part]);
      while (waiting.length >= REQUEST_BYTES) {
        this.answer(socket, waiting.subarray(0, REQUEST_BYTES));
        waiting = waiting.subarray(REQUEST_BYTES);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.again = setTimeout(() => this.dial(), AGAIN_MS);
    });
  }

  private answer(socket: Socket, request: Buffer): void {
    const body = request.subarray(0, 6);
    if (request.readUInt8(0) !== this.unit || crc16(body) !== request.readUInt16LE(6)) return;
    const code = request.readUInt8(1);
    const start = request.readUInt16BE(2);
    const count = request.readUInt16BE(4);
    if (code !== 3 && code !== 4) return;
    const reply = Buffer.alloc(5 + count * 2);
    reply.writeUInt8(this.unit, 0);
    reply.writeUInt8(code, 1);
    reply.writeUInt8(count * 2, 2);
    for (let at = 0; at < count; at += 1) reply.writeUInt16BE(this.registers.get(start + at) ?? 0, 3 + at * 2);
    reply.writeUInt16LE(crc16(reply.subarray(0, reply.length - 2)), reply.length - 2);
    socket.write(reply);
    this.answered += 1;
  }

  stop(): void {
    this.running = false;
    clearTimeout(this.again);
    this.socket?.removeAllListeners('close');
    this.socket?.destroy();
  }
}
