import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeControlMessage, parseControlMessage } from '../src/protocol/control-codec.js';
import type { ControlMessage } from '../src/protocol/control-messages.js';
import {
  createReceiverHandshake,
  createSenderHandshake,
  type Handshake,
} from '../src/protocol/handshake.js';
import { HANDSHAKE_TIMEOUT_MS, MAX_CONTROL_MESSAGE_BYTES } from '../src/protocol/limits.js';
import { isOneLine } from '../src/protocol/text.js';
import { DROP_CODES, hostileBytes, largestAllocation } from './hostile.js';

const HASH = '0123456789abcdef'.repeat(4);
const OTHER_HASH = 'fedcba9876543210'.repeat(4);
const receiverOptions = {
  library: 'visavis 0.1.0',
  capabilities: { families: ['portrait', 'warp'], maxSize: 512, features: ['a', 'b'] },
  pack: { name: 'default', sha256: HASH },
  expressionComponents: 40,
};
const senderOptions = {
  ...receiverOptions,
  library: 'visavis 0.2.0',
  capabilities: { families: ['warp', 'portrait', 'fsrt'], maxSize: 512, features: ['b', 'c'] },
  size: 512 as const,
  fps: 25,
};

/** Through the bytes, as the wire does it. */
const wire = (message: ControlMessage) => parseControlMessage(encodeControlMessage(message));

/** Passes messages until both sides are silent. */
function converse(sender: Handshake, receiver: Handshake): void {
  for (;;) {
    const forward = sender.nextMessage();
    if (forward) receiver.receive(wire(forward));
    const backward = receiver.nextMessage();
    if (backward) sender.receive(wire(backward));
    if (!forward && !backward) return;
  }
}

function meet(sender: object = {}, receiver: object = {}): [Handshake, Handshake] {
  const sides: [Handshake, Handshake] = [
    createSenderHandshake({ ...senderOptions, ...sender }, 1000),
    createReceiverHandshake({ ...receiverOptions, ...receiver }, 1000),
  ];
  converse(...sides);
  return sides;
}

describe('handshake', () => {
  it('agrees on the same terms on both sides', () => {
    const [sender, receiver] = meet();
    const agreement = {
      version: { major: 1, minor: 0 },
      families: ['portrait', 'warp'],
      features: ['b'],
      pack: { name: 'default', sha256: HASH },
      stream: { size: 512, fps: 25, expressionComponents: 40 },
    };
    expect(sender.status).toEqual({
      state: 'agreed',
      agreement: { ...agreement, peerLibrary: 'visavis 0.1.0' },
    });
    expect(receiver.status).toEqual({
      state: 'agreed',
      agreement: { ...agreement, peerLibrary: 'visavis 0.2.0' },
    });
    expect([sender.nextTimeout(), receiver.nextTimeout()]).toEqual([undefined, undefined]);
    sender.advance(1e9);
    expect(sender.status.state).toBe('agreed');
  });

  it('takes the smaller picture where the receiver cannot show the larger', () => {
    const small = { capabilities: { ...receiverOptions.capabilities, maxSize: 300 } };
    for (const side of meet({}, small)) {
      expect(side.status).toMatchObject({ agreement: { stream: { size: 256 } } });
    }
  });

  it.each([
    [
      'another pack',
      { pack: { name: 'mine', sha256: OTHER_HASH } },
      {},
      'pack-mismatch',
      [OTHER_HASH, HASH, 'give both the same pack'],
    ],
    [
      'no common family',
      { capabilities: { ...senderOptions.capabilities, families: ['lsr'] } },
      {},
      'no-common-family',
      ['lsr', 'portrait', 'update'],
    ],
    ['other components', {}, { expressionComponents: 32 }, 'stream-mismatch', ['40', '32']],
  ])('%s: both sides get the same clear line', (_name, sender, receiver, code, parts) => {
    const [one, other] = meet(sender, receiver);
    expect(one.status).toEqual(other.status);
    expect(one.status).toMatchObject({ state: 'failed', code });
    for (const part of parts) expect(JSON.stringify(one.status)).toContain(part);
  });

  it.each([
    [2, 'update the receiver'],
    [0, 'update the sender'],
  ])('refuses major version %i, naming both', (major, advice) => {
    const receiver = createReceiverHandshake(receiverOptions, 0);
    receiver.receive(
      wire({ type: 'hello', version: { major, minor: 7 }, library: 'later 9', terms: undefined }),
    );
    expect(receiver.status).toMatchObject({ state: 'failed', code: 'version-mismatch' });
    const reject = receiver.nextMessage();
    expect(reject).toMatchObject({ type: 'reject', code: 'version-mismatch' });
    for (const part of ['1.0', `${major}.7`, 'later 9', 'visavis 0.1.0', advice]) {
      expect(JSON.stringify(reject)).toContain(part);
    }
    const sender = createSenderHandshake(senderOptions, 0);
    sender.receive(wire(reject!));
    expect(sender.status).toEqual(receiver.status);
  });

  it('agrees with a later minor version on the lower one', () => {
    const sender = createSenderHandshake(senderOptions, 0);
    const hello = sender.nextMessage();
    if (hello?.type !== 'hello') throw new Error('no hello');
    const receiver = createReceiverHandshake(receiverOptions, 0);
    receiver.receive(wire({ ...hello, version: { major: 1, minor: 9 } }));
    expect(receiver.status).toMatchObject({ agreement: { version: { major: 1, minor: 0 } } });
  });

  it('refuses an answer that the offer does not allow', () => {
    for (const change of [
      { size: 1024 },
      { size: 300 },
      { fps: 24 },
      { expressionComponents: 1 },
    ]) {
      const sender = createSenderHandshake(senderOptions, 0);
      const hello = sender.nextMessage();
      if (hello?.type !== 'hello' || !hello.terms) throw new Error('no hello');
      const terms = { ...hello.terms, stream: { ...hello.terms.stream, ...change } };
      sender.receive(wire({ ...hello, type: 'hello-ack', terms }));
      expect(sender.status).toMatchObject({ state: 'failed', code: 'stream-mismatch' });
      expect(sender.nextMessage()).toMatchObject({ type: 'reject', code: 'stream-mismatch' });
    }
  });

  it('ends a receiver that has agreed when the sender rejects the answer', () => {
    const [, receiver] = meet();
    const version = { major: 1, minor: 0 };
    receiver.receive(wire({ type: 'reject', version, code: 'stream-mismatch', message: 'no' }));
    expect(receiver.status).toEqual({ state: 'failed', code: 'stream-mismatch', message: 'no' });
  });

  it('gives up on silence and on garbage at the deadline, not before', () => {
    for (const garbage of [0, 3]) {
      const receiver = createReceiverHandshake(receiverOptions, 500);
      for (let index = 0; index < garbage; index++) {
        expect(receiver.receive(parseControlMessage(Uint8Array.of(0x55)))).toBe('unknown-type');
      }
      const deadline = 500 + HANDSHAKE_TIMEOUT_MS;
      expect(receiver.nextTimeout()).toBe(deadline);
      receiver.advance(deadline - 1);
      expect(receiver.status.state).toBe('waiting');
      receiver.advance(deadline);
      expect(receiver.status).toMatchObject({ state: 'failed', code: 'timeout' });
      expect(JSON.stringify(receiver.status)).toContain(
        garbage ? 'sent 3 messages' : 'sent nothing',
      );
      expect(receiver.nextTimeout()).toBeUndefined();
      expect(receiver.nextMessage()).toMatchObject({ type: 'reject', code: 'timeout' });
      expect(receiver.nextMessage()).toBeUndefined();
    }
  });

  it('drops what does not belong here, and says hello but once', () => {
    const sender = createSenderHandshake(senderOptions, 0);
    const hello = sender.nextMessage();
    expect(sender.nextMessage()).toBeUndefined();
    const receiver = createReceiverHandshake(receiverOptions, 0);
    expect(receiver.receive(wire({ type: 'ping', sent: 1 }))).toBe('unexpected');
    expect(receiver.receive(wire(hello!))).toBeUndefined();
    expect(receiver.receive(wire(hello!))).toBe('duplicate');
    expect(receiver.status.state).toBe('agreed');
  });

  it('tells two senders that they are two senders', () => {
    const one = createSenderHandshake(senderOptions, 0);
    const other = createSenderHandshake(senderOptions, 0);
    converse(one, other);
    expect(one.status).toMatchObject({ state: 'failed', code: 'same-role' });
    expect(other.status).toMatchObject({ state: 'failed', code: 'same-role' });
  });

  it.each([
    ['library', { library: '' }],
    ['pack.sha256', { pack: { name: 'x', sha256: 'AB' } }],
    [
      'capabilities.families[1]',
      { capabilities: { families: ['a', 'b\n'], maxSize: 256, features: [] } },
    ],
    ['capabilities.maxSize', { capabilities: { families: [], maxSize: 100, features: [] } }],
    ['expressionComponents', { expressionComponents: 65 }],
    ['size', { size: 300 }],
    ['fps', { fps: Number.NaN }],
  ])('names a bad %s', (path, change) => {
    const options = { ...senderOptions, ...change } as typeof senderOptions;
    expect(() => createSenderHandshake(options, 0)).toThrow(TypeError);
    expect(() => createSenderHandshake(options, 0)).toThrow(`${path}: must be`);
  });

  it('stands 12,000 hostile peers', { timeout: 60_000 }, () => {
    const hello = createSenderHandshake(senderOptions, 0).nextMessage()!;
    const answering = createReceiverHandshake(receiverOptions, 0);
    answering.receive(wire(hello));
    const ack = answering.nextMessage()!;
    const reject: ControlMessage = {
      type: 'reject',
      version: { major: 1, minor: 0 },
      code: 'x',
      message: 'y',
    };
    const valid = [hello, ack, reject].map(encodeControlMessage);
    const messages = fc.array(hostileBytes(valid), { minLength: 1, maxLength: 3 });
    const ends = { waiting: 0, agreed: 0, failed: 0 };
    const largest = largestAllocation(() => {
      fc.assert(
        fc.property(fc.boolean(), messages, (sends, hostile) => {
          const side = sends
            ? createSenderHandshake(senderOptions, 0)
            : createReceiverHandshake(receiverOptions, 0);
          for (const bytes of hostile) {
            const drop = side.receive(parseControlMessage(bytes));
            if (drop !== undefined && !DROP_CODES.includes(drop)) throw new Error(drop);
          }
          ends[side.status.state]++;
          if (side.status.state === 'waiting') {
            side.receive(parseControlMessage(sends ? valid[1] : valid[0]));
            expect(side.status.state).toBe('agreed');
          } else if (side.status.state === 'failed') {
            expect(side.receive(parseControlMessage(valid[0]))).toBe('unexpected');
            expect(isOneLine(side.status.message)).toBe(true);
          }
          const last = side.nextMessage();
          if (last) expect(wire(last).ok).toBe(true);
        }),
        { numRuns: 12_000, seed: 2 },
      );
    });
    expect(largest).toBeLessThanOrEqual(MAX_CONTROL_MESSAGE_BYTES);
    // All three ends were really reached.
    expect(Math.min(ends.waiting, ends.agreed, ends.failed)).toBeGreaterThan(500);
  });
});
