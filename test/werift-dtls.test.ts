import { describe, expect, test } from 'vitest';
import { connectWerift } from '../src/transport/werift.js';
import { createHandshakeOrder, isDtls } from '../src/transport/werift-dtls.js';
import { createSignallingPair } from './support/signalling-pair.js';

/** A record of the epoch with what it holds. */
function record(type: number, epoch: number, content: Uint8Array): Buffer {
  const header = Buffer.from([type, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 9, 0, 0]);
  header.writeUInt16BE(content.length, 11);
  return Buffer.concat([header, content]);
}

/** A fragment of a handshake message whose bytes are its number, in a record of its own. */
function fragment(type: number, sequence: number, length = 6, from = 0, to = length): Buffer {
  const header = Buffer.alloc(12);
  header[0] = type;
  header.writeUIntBE(length, 1, 3);
  header.writeUInt16BE(sequence, 4);
  header.writeUIntBE(from, 6, 3);
  header.writeUIntBE(to - from, 9, 3);
  return record(22, 0, Buffer.concat([header, Buffer.alloc(to - from, sequence)]));
}

const [CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, DONE, VERIFY, KEY] = [1, 2, 11, 14, 15, 16];
const FINISHED = record(22, 1, Buffer.from('encrypted'));

describe('the order of a handshake', () => {
  test('gives messages on whole, once and in the order of their numbers', () => {
    const order = createHandshakeOrder();
    expect(order.receive(fragment(CERTIFICATE, 1))).toEqual([]);
    expect(order.receive(fragment(SERVER_HELLO, 0, 6, 3, 6))).toEqual([]);
    expect(order.receive(fragment(SERVER_HELLO, 0, 6, 0, 4))).toEqual([
      fragment(SERVER_HELLO, 0),
      fragment(CERTIFICATE, 1),
    ]);
    for (const sequence of [0, 1]) {
      expect(order.receive(fragment(SERVER_HELLO, sequence))).toEqual([]);
    }
    const flight = Buffer.concat([fragment(DONE, 3, 0), fragment(KEY, 2)]);
    expect(order.receive(flight)).toEqual([fragment(KEY, 2), fragment(DONE, 3, 0)]);
  });

  test('lets the first ClientHello in again until the second has come', () => {
    const order = createHandshakeOrder();
    const first = fragment(CLIENT_HELLO, 0);
    expect(order.receive(first)).toEqual([first]);
    expect(order.receive(first)).toEqual([first]);
    expect(order.receive(fragment(CLIENT_HELLO, 1))).toHaveLength(1);
    expect(order.receive(first)).toEqual([]);
  });

  test.each([
    ['a client’s flight with a certificate', [CERTIFICATE, KEY, VERIFY]],
    ['one without', [KEY]],
    ['a server’s flight', [SERVER_HELLO, DONE]],
  ])('holds what is encrypted until the keys can be made: %s', (_, types) => {
    const order = createHandshakeOrder();
    expect(order.receive(FINISHED)).toEqual([]);
    const messages = types.map((type, sequence) => fragment(type, sequence));
    const given = messages.map((message) => order.receive(message));
    expect(given).toEqual([
      ...messages.slice(0, -1).map((message) => [message]),
      [messages.at(-1), FINISHED],
    ]);
    expect(order.receive(FINISHED)).toEqual([FINISHED]);
  });

  test('lets everything else pass, and drops what is cut short or too much', () => {
    const order = createHandshakeOrder();
    const data = record(23, 1, Buffer.from('application data'));
    expect(order.receive(data)).toEqual([data]);
    expect(order.receive(data.subarray(0, 20))).toEqual([]);
    expect(order.receive(Buffer.of(22))).toEqual([]);
    expect(order.receive(fragment(KEY, 0, 0xffffff, 0, 10))).toEqual([]);
    expect(order.receive(fragment(KEY, 9))).toEqual([]);
    const beyond = fragment(KEY, 0);
    beyond.writeUIntBE(5, 13 + 6, 3);
    expect(order.receive(beyond)).toEqual([]);
    for (let i = 0; i < 100; i++) order.receive(FINISHED);
    expect(order.receive(fragment(KEY, 0))).toHaveLength(1 + 8);
  });

  test('DTLS is told from STUN by its first byte', () => {
    expect([0, 3, 19, 20, 22, 63, 64, 128].map((byte) => isDtls(Buffer.of(byte)))).toEqual([
      ...[false, false, false],
      ...[true, true, true],
      ...[false, false],
    ]);
  });
});

test.each([
  ['overtakes', { reorder: { probability: 0.3, byMs: 40 } }],
  ['duplicates', { duplicate: 0.5 }],
  ['delays', { jitterMs: 80 }],
  ['loses', { loss: 0.1, delayMs: 10 }],
])('peers connect on a network that %s', async (_, link) => {
  const connect = async (seed: number) => {
    const [left, right] = createSignallingPair();
    const [sender, receiver] = await Promise.all([
      connectWerift({ role: 'sender', signalling: left, outgoingLink: { ...link, seed } }),
      connectWerift({
        role: 'receiver',
        signalling: right,
        outgoingLink: { ...link, seed: -seed },
      }),
    ]);
    const said = new Promise((resolve) => {
      receiver.channels.control.onMessage = resolve;
    });
    sender.channels.control.send(Uint8Array.of(1));
    await said;
    await Promise.all([sender.close(), receiver.close()]);
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map(connect));
});
