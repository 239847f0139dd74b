import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RTCDataChannel } from 'werift';
import { createSimulatedLink } from '../src/transport/simulated-link.js';
import { sctpInternals } from '../src/transport/werift-internals.js';
import { createSctpPair, type SctpEnd } from './support/sctp-pair.js';

const HEADER_BYTES = 12;
const DATA = 0;
const SACK = 3;
const BINARY = 53;

let left: SctpEnd;
let right: SctpEnd;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  [left, right] = await createSctpPair();
});

afterEach(async () => {
  await Promise.all([left, right].map(({ transport }) => transport.stop()));
  vi.useRealTimers();
});

function chunkType(packet: Uint8Array): number {
  return packet[HEADER_BYTES];
}

function isData(packet: Uint8Array, stream: number): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  return chunkType(packet) === DATA && view.getUint16(HEADER_BYTES + 8) === stream;
}

function receivedOn(channel: RTCDataChannel): number[] {
  const received: number[] = [];
  channel.onmessage = ({ data }) => received.push((data as Buffer)[0]);
  return received;
}

/** Lets everything under way arrive; timers stand still. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

function sacksOf({ sent }: SctpEnd): number {
  return sent.filter((packet) => chunkType(packet) === SACK).length;
}

describe('acknowledgements', () => {
  test('of motion wait for the timer', async () => {
    const received = receivedOn(right.channels.motion);
    for (let i = 0; i < 6; i++) {
      left.channels.motion.send(Buffer.of(i));
      await settle();
    }
    expect(received).toEqual([0, 1, 2, 3, 4, 5]);
    expect(sacksOf(right)).toBe(0);
    await vi.advanceTimersByTimeAsync(200);
    await settle();
    expect(sacksOf(right)).toBe(1);
    expect(sctpInternals(left.transport).sentQueue).toEqual([]);
  });

  test('of control come with every second packet', async () => {
    const received = receivedOn(right.channels.control);
    for (let i = 0; i < 6; i++) {
      left.channels.control.send(Buffer.of(i));
      await settle();
    }
    expect(received.length).toBe(6);
    expect(sacksOf(right)).toBe(3);
  });

  test.each([999_999_997, 2 ** 32 - 3])('go on past TSN %i in any order', (lastReceivedTsn) => {
    const sctp = sctpInternals(right.transport);
    sctp.lastReceivedTsn = lastReceivedTsn;
    for (const ahead of [3, 2, 5, 1, 4, 6]) {
      expect(sctp.markReceived((lastReceivedTsn + ahead) % 2 ** 32)).toBe(false);
      expect(sctp.markReceived((lastReceivedTsn + ahead) % 2 ** 32)).toBe(true);
    }
    expect(sctp.lastReceivedTsn).toBe((lastReceivedTsn + 6) % 2 ** 32);
    expect(sctp.sackMisOrdered.size).toBe(0);
  });

  test('report a gap at once', async () => {
    left.channels.motion.send(Buffer.of(0));
    await settle();
    left.lose = (packet) => isData(packet, 1);
    left.channels.motion.send(Buffer.of(1));
    await settle();
    left.lose = () => false;
    expect(sacksOf(right)).toBe(0);
    left.channels.motion.send(Buffer.of(2));
    await settle();
    expect(sacksOf(right)).toBe(1);
  });
});

describe('a lost packet', () => {
  test('of motion is not sent again, and takes nothing reliable with it', async () => {
    const motion = receivedOn(right.channels.motion);
    const control = receivedOn(right.channels.control);
    left.lose = (packet) => chunkType(packet) === DATA;
    left.channels.control.send(Buffer.of(100));
    left.channels.motion.send(Buffer.of(0));
    left.channels.control.send(Buffer.of(101));
    await settle();
    left.lose = () => false;
    for (let i = 1; i < 6; i++) {
      left.channels.motion.send(Buffer.of(i));
      await settle();
    }
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(1_000);
      await settle();
    }
    expect(control).toEqual([100, 101]);
    expect(motion).toEqual([1, 2, 3, 4, 5]);
    const { sentQueue, outboundQueue } = sctpInternals(left.transport);
    expect([...sentQueue, ...outboundQueue]).toEqual([]);
    left.channels.control.send(Buffer.of(102));
    await settle();
    expect(control).toEqual([100, 101, 102]);
  });

  test.each([1, 2, 3, 122, 173, 259])(
    'at random, seed %i: control arrives whole, in order',
    async (seed) => {
      const link = createSimulatedLink({ seed, loss: 0.2 });
      const lossy = (packet: Uint8Array) => {
        link.send(packet, 0);
        return link.poll(0).length === 0;
      };
      left.lose = lossy;
      right.lose = lossy;
      const control: Buffer[] = [];
      right.channels.control.onmessage = ({ data }) => control.push(data as Buffer);
      const motion = receivedOn(right.channels.motion);
      const sent: Buffer[] = [];
      for (let i = 0; i < 200; i++) {
        left.channels.motion.send(Buffer.of(i));
        if (i % 5 === 0) {
          sent.push(Buffer.alloc(1 + ((i * 997) % 6_000), i));
          left.channels.control.send(sent.at(-1)!);
        }
        await new Promise(setImmediate);
        await vi.advanceTimersByTimeAsync(40);
      }
      left.lose = () => false;
      right.lose = () => false;
      for (let i = 0; i < 30; i++) {
        await vi.advanceTimersByTimeAsync(1_000);
        await settle();
      }
      expect(Buffer.concat(control).equals(Buffer.concat(sent))).toBe(true);
      expect(control.length).toBe(sent.length);
      expect(new Set(motion).size).toBe(motion.length);
      expect(motion.length).toBeGreaterThan(100);
      expect(motion.length).toBeLessThan(200);
      expect(sctpInternals(left.transport).sentQueue).toEqual([]);
      expect(left.channels.control.bufferedAmount).toBe(0);
    },
  );
});

describe('a hostile peer', () => {
  /** The association must work after what it was given. */
  async function expectAlive(): Promise<void> {
    const received = receivedOn(right.channels.control);
    left.channels.control.send(Buffer.of(42));
    await settle();
    expect(received).toContain(42);
  }

  test('cannot hang it with a chunk of length 0, or throw in it', async () => {
    const dataPacket = async () => {
      left.channels.motion.send(Buffer.of(1));
      await settle();
      return left.sent.at(-1)!;
    };
    let packet = await dataPacket();
    const changes = fc.array(fc.tuple(fc.nat(20), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(60), async (bytes, cut) => {
        // Some of it is a valid goodbye, after which nothing would be read any more.
        if (right.transport.sctp.state === 'closed') {
          [left, right] = await createSctpPair();
          packet = await dataPacket();
        }
        const bad = Buffer.from(packet.subarray(0, packet.length - (cut % 20)));
        for (const [at, value] of bytes) {
          if (HEADER_BYTES + at < bad.length) bad[HEADER_BYTES + at] = value;
        }
        right.receive(withChecksum(bad));
        right.receive(bad);
      }),
      { numRuns: 2_000, seed: 1 },
    );
    const noLength = Buffer.from(packet);
    noLength.writeUInt16BE(0, HEADER_BYTES + 2);
    right.receive(withChecksum(noLength));
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('cannot open channels, or speak on others', async () => {
    const onDataChannel = vi.fn();
    right.transport.onDataChannel.subscribe(onDataChannel);
    const { sctp } = left.transport;
    const open = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    await sctp.send(0, 50, open, { ordered: false });
    sctp.send(7, 50, open, { ordered: false });
    sctp.send(9, BINARY, Buffer.of(1), { ordered: false });
    await settle();
    expect(onDataChannel).not.toHaveBeenCalled();
    const streams = (sctpInternals(right.transport) as unknown as { inboundStreams: object })
      .inboundStreams;
    expect(Object.keys(streams)).toEqual(['0']);
  });

  test('cannot fill its memory with a message that never ends', async () => {
    const right_ = sctpInternals(right.transport);
    let tsn = right_.lastReceivedTsn!;
    for (let i = 0; i < 2_000; i++) {
      tsn = (tsn + 1) % 2 ** 32;
      right_.receiveDataChunk({ ...endlessChunk, tsn, flags: i === 0 ? 2 : 0 } as never);
    }
    expect(right_.advertisedRwnd).toBeGreaterThan(-80 * 1024);
  });

  test('cannot keep it sorting', () => {
    const right_ = sctpInternals(right.transport);
    const start = right_.lastReceivedTsn!;
    for (let i = 0; i < 5_000; i++) {
      right_.receiveDataChunk({ ...endlessChunk, tsn: (start + 2 * i + 2) % 2 ** 32 } as never);
    }
    expect(right_.sackMisOrdered.size).toBeLessThanOrEqual(1_024);
  });

  test('cannot do any of it to an association that goes on', expectAlive);
});

const endlessChunk = { streamId: 0, streamSeqNum: 0, flags: 0, userData: Buffer.alloc(1_200) };

/** A packet with the CRC32c that its bytes ask for (RFC 9260 appendix A). */
function withChecksum(packet: Buffer): Buffer {
  const fixed = Buffer.from(packet);
  fixed.writeUInt32LE(0, 8);
  fixed.writeUInt32LE(crc32c(fixed), 8);
  return fixed;
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
