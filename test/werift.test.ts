import { afterEach, describe, expect, test } from 'vitest';
import { InvalidStateError } from '../src/protocol/errors.js';
import type { CloseReason } from '../src/transport/channel.js';
import type { PeerMessage } from '../src/transport/signalling.js';
import { createSignallingServer } from '../src/transport/signalling-server.js';
import { connectWerift, type WeriftCall } from '../src/transport/werift.js';
import { startChildPeer } from './support/child-peer.js';
import { createSignallingPair } from './support/signalling-pair.js';

const calls: WeriftCall[] = [];

afterEach(async () => {
  await Promise.all(calls.splice(0).map((call) => call.close()));
});

async function connectedPair(): Promise<[WeriftCall, WeriftCall]> {
  const [left, right] = createSignallingPair();
  const pair = await Promise.all([
    connectWerift({ role: 'sender', signalling: left }),
    connectWerift({ role: 'receiver', signalling: right }),
  ]);
  calls.push(...pair);
  return pair;
}

function ended(call: WeriftCall): Promise<CloseReason> {
  return new Promise((resolve) => {
    call.onClose = resolve;
  });
}

/** The next `count` messages of a channel. */
function messages(
  { channels }: WeriftCall,
  name: 'control' | 'motion',
  count: number,
): Promise<Uint8Array[]> {
  const received: Uint8Array[] = [];
  return new Promise((resolve) => {
    channels[name].onMessage = (data) => {
      received.push(data);
      if (received.length === count) resolve(received);
    };
  });
}

describe('a call over werift', () => {
  test('carries bytes both ways on both channels', async () => {
    const [sender, receiver] = await connectedPair();
    for (const [from, to] of [
      [sender, receiver],
      [receiver, sender],
    ]) {
      const control = messages(to, 'control', 2);
      const motion = messages(to, 'motion', 1);
      expect(from.channels.control.open && from.channels.motion.open).toBe(true);
      from.channels.control.send(Uint8Array.of(1));
      // A Buffer that is used again at once: the channel must have copied it.
      const buffer = Buffer.alloc(16 * 1024, 2);
      from.channels.control.send(buffer);
      buffer.fill(9);
      from.channels.motion.send(Uint8Array.of(3, 4));
      expect((await control).map((data) => data.length)).toEqual([1, 16 * 1024]);
      expect((await control)[1].every((byte) => byte === 2)).toBe(true);
      expect(await motion).toEqual([Buffer.from([3, 4])]);
    }
  });

  test('keeps what arrives before there is a handler', async () => {
    const [sender, receiver] = await connectedPair();
    sender.channels.control.send(Uint8Array.of(1));
    sender.channels.control.send(Uint8Array.of(2));
    const before = receiver.wire.receivedPackets;
    while (receiver.wire.receivedPackets < before + 2) await new Promise(setImmediate);
    expect(await messages(receiver, 'control', 2)).toEqual([Buffer.of(1), Buffer.of(2)]);
  });

  test('reports what waits, and delivers a burst whole and in order', async () => {
    const [sender, receiver] = await connectedPair();
    const { control } = sender.channels;
    const received = messages(receiver, 'control', 13);
    for (let i = 0; i < 13; i++) control.send(new Uint8Array(16 * 1024).fill(i));
    expect(control.bufferedAmount).toBeGreaterThan(100_000);
    expect((await received).map(([first]) => first)).toEqual([...Array(13).keys()]);
    while (control.bufferedAmount > 0) await new Promise(setImmediate);
  });

  test('counts at the sockets, and both sides agree', async () => {
    const [sender, receiver] = await connectedPair();
    const sizes: number[] = [];
    for (let i = 0; i < 5; i++) {
      const received = messages(receiver, 'motion', 1);
      const before = sender.wire.sentBytes;
      sender.channels.motion.send(new Uint8Array(50));
      await received;
      sizes.push(sender.wire.sentBytes - before);
    }
    // 50 B padded to 52, SCTP 12 + 16, DTLS 13 + 8 + 16, UDP and IP 28; a STUN message may come in.
    expect(Math.min(...sizes)).toBe(145);
    // Datagrams still on their way would differ: the goodbye empties it.
    await sender.close();
    while (receiver.wire.receivedPackets < sender.wire.sentPackets) await new Promise(setImmediate);
    expect(receiver.wire.receivedBytes).toBe(sender.wire.sentBytes);
    const { sentBytes } = sender.wire.series();
    expect(sentBytes.reduce((sum, bytes) => sum + bytes, 0)).toBe(sender.wire.sentBytes);
  });

  test('passes all its datagrams through a simulated network, where it is given one', async () => {
    const [left, right] = createSignallingPair();
    const outgoingLink = { seed: 2, loss: 0.1, jitterMs: 5, duplicate: 0.2, headerBytes: 0 };
    const [sender, receiver] = await Promise.all([
      connectWerift({ role: 'sender', signalling: left, outgoingLink }),
      connectWerift({ role: 'receiver', signalling: right }),
    ]);
    calls.push(sender, receiver);
    const control = messages(receiver, 'control', 40);
    for (let i = 0; i < 40; i++) sender.channels.control.send(new Uint8Array(1_000).fill(i));
    expect((await control).map(([first]) => first)).toEqual([...Array(40).keys()]);
    await sender.close();
    const { sent, delivered, lost, duplicated } = sender.outgoingLink!;
    expect(Math.min(lost, duplicated)).toBeGreaterThan(0);
    expect(sent).toBe(sender.wire.sentPackets);
    expect(sent - lost + duplicated).toBeGreaterThanOrEqual(delivered);
    while (receiver.wire.receivedPackets < delivered) await new Promise(setImmediate);
    expect(receiver.wire.receivedPackets).toBe(delivered);
    expect(receiver.outgoingLink).toBeUndefined();
  });

  test('names a bad option of a simulated network', async () => {
    const [left] = createSignallingPair();
    const options = { role: 'sender', signalling: left } as const;
    const connecting = connectWerift({ ...options, outgoingLink: { seed: 1, loss: 2 } });
    await expect(connecting).rejects.toThrow('loss: must be a number 0–1, not 2');
  });

  test('rejects misuse', async () => {
    const [sender] = await connectedPair();
    const { control, motion } = sender.channels;
    expect(() => control.send(new Uint8Array(0))).toThrow(TypeError);
    expect(() => control.send(new Uint8Array(16 * 1024 + 1))).toThrow(TypeError);
    expect(() => motion.send(new Uint8Array(1_101))).toThrow(TypeError);
    await sender.close();
    expect(control.open).toBe(false);
    expect(() => control.send(Uint8Array.of(1))).toThrow(InvalidStateError);
  });

  test.each(['sender', 'receiver'] as const)('ends orderly when the %s closes', async (role) => {
    const [sender, receiver] = await connectedPair();
    const [closing, other] = role === 'sender' ? [sender, receiver] : [receiver, sender];
    const last = messages(other, 'control', 1);
    const reasons = [ended(closing), ended(other)];
    const channelReason = new Promise((resolve) => {
      other.channels.motion.onClose = resolve;
    });
    closing.channels.control.send(Uint8Array.of(7));
    await closing.close();
    expect(await last).toEqual([Buffer.of(7)]);
    expect(await Promise.all(reasons)).toEqual(['closed-locally', 'closed-by-peer']);
    expect(await channelReason).toBe('closed-by-peer');
    await closing.close();
  });
});

describe('connecting', () => {
  test('is given up when told to', async () => {
    const [left] = createSignallingPair();
    const controller = new AbortController();
    const connecting = connectWerift({
      role: 'sender',
      signalling: left,
      signal: controller.signal,
    });
    controller.abort(new Error('changed my mind'));
    await expect(connecting).rejects.toThrow('changed my mind');
  });

  test('fails where the peer leaves', async () => {
    const [left, right] = createSignallingPair();
    const connecting = connectWerift({ role: 'sender', signalling: left });
    right.close();
    await expect(connecting).rejects.toMatchObject({ name: 'ConnectError', code: 'peer-left' });
  });

  test.each<[string, PeerMessage]>([
    ['an answer', { type: 'description', description: { type: 'answer', sdp: 'v=0' } }],
    ['nothing', { type: 'description', description: { type: 'offer', sdp: '' } }],
    [
      'video',
      {
        type: 'description',
        description: { type: 'offer', sdp: 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n' },
      },
    ],
    [
      'half a description',
      {
        type: 'description',
        description: { type: 'offer', sdp: 'v=0\r\nm=application 9 UDP/DTLS/SCTP x\r\n' },
      },
    ],
  ])('fails where the peer offers %s', async (_, message) => {
    const [left, right] = createSignallingPair();
    const connecting = connectWerift({ role: 'receiver', signalling: right });
    left.send(message);
    await expect(connecting).rejects.toMatchObject({ code: 'incompatible' });
  });
});

describe.concurrent('a call between processes', () => {
  test('notices a killed peer, and then the process exits by itself', async () => {
    const server = await createSignallingServer({ port: 0, host: '127.0.0.1' });
    const receiver = startChildPeer('receiver', server.url);
    const sender = startChildPeer('sender', server.url);
    await Promise.all([receiver.line('open'), sender.line('open')]);
    sender.process.kill('SIGKILL');
    expect(await receiver.line('closed')).toBe('closed peer-vanished');
    expect(await receiver.exited).toBe(0);
    await server.close();
  });

  test('notices a killed peer by its silence where signalling has gone', async () => {
    const server = await createSignallingServer({ port: 0, host: '127.0.0.1' });
    const receiver = startChildPeer('receiver', server.url);
    const sender = startChildPeer('sender', server.url);
    await Promise.all([receiver.line('open'), sender.line('open')]);
    await server.close();
    receiver.process.kill('SIGKILL');
    expect(await sender.line('closed')).toBe('closed peer-vanished');
    expect(await sender.exited).toBe(0);
  });
});
