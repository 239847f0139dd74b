import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeControlMessage, parseControlMessage } from '../src/protocol/control-codec.js';
import type { ControlMessage } from '../src/protocol/control-messages.js';
import {
  createIdentityReceiver,
  type IdentityReceiver,
} from '../src/protocol/identity-receiver.js';
import { createIdentitySender, type IdentitySender } from '../src/protocol/identity-sender.js';
import {
  IDENTITY_CHUNK_BYTES,
  MAX_BUFFERED_IDENTITY_BYTES,
  MAX_IDENTITY_ATTEMPTS,
  MAX_IDENTITY_BYTES,
} from '../src/protocol/limits.js';
import { DROP_CODES, hostileBytes, largestAllocation } from './hostile.js';

/** Bytes that differ from chunk to chunk. */
const blob = (length: number, seed = 1) =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 0xff);

/** Compares at the speed of memory: `toEqual` takes milliseconds for each chunk. */
function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(actual, expected)).toBe(0);
}

/** Through the bytes, as the wire does it. */
function wire(message: ControlMessage): ControlMessage {
  const parsed = parseControlMessage(encodeControlMessage(message));
  if (!parsed.ok) throw new Error(parsed.drop);
  return parsed.value;
}

/** Passes messages until both sides are silent or `limit` forward ones have passed. */
function converse(sender: IdentitySender, receiver: IdentityReceiver, limit = 10_000): void {
  for (let forwarded = 0; ; ) {
    const forward = forwarded < limit ? sender.nextMessage(0) : undefined;
    if (forward) {
      forwarded++;
      receiver.receive(wire(forward));
    }
    const backward = receiver.nextMessage();
    if (backward) sender.receive(wire(backward));
    if (!forward && !backward) return;
  }
}

function acceptComplete(receiver: IdentityReceiver): Uint8Array {
  if (receiver.status.state !== 'complete') throw new Error(receiver.status.state);
  const { identity } = receiver.status;
  receiver.accept(identity);
  return identity;
}

/** A sender that has offered five chunks, and its receiver. */
function five(): [IdentitySender, IdentityReceiver, Uint8Array] {
  const identity = blob(4 * IDENTITY_CHUNK_BYTES + 100);
  const sender = createIdentitySender();
  sender.offer(identity);
  return [sender, createIdentityReceiver(), identity];
}

describe('identity transfer', () => {
  it.each([1, IDENTITY_CHUNK_BYTES, IDENTITY_CHUNK_BYTES + 1, 100_000])(
    'carries %i bytes',
    (length) => {
      const sender = createIdentitySender();
      const receiver = createIdentityReceiver();
      sender.offer(blob(length));
      converse(sender, receiver);
      expect(sender.status).toMatchObject({ state: 'sending', chunksLeft: 0 });
      expectBytes(acceptComplete(receiver), blob(length));
      converse(sender, receiver);
      expect([sender.status, receiver.status]).toEqual([{ state: 'ready' }, { state: 'accepted' }]);
    },
  );

  it('goes on where the connection was lost', () => {
    const [sender, receiver, identity] = five();
    converse(sender, receiver, 4);
    expect(receiver.status).toEqual({
      state: 'receiving',
      received: 3 * IDENTITY_CHUNK_BYTES,
      bytes: identity.length,
    });
    expect(sender.status).toEqual({ state: 'sending', chunksLeft: 2, chunks: 5 });
    sender.nextMessage(0); // A chunk that never arrives.
    sender.reconnected();
    receiver.receive(wire(sender.nextMessage(0)!));
    sender.receive(wire(receiver.nextMessage()!));
    expect(sender.status).toEqual({ state: 'sending', chunksLeft: 2, chunks: 5 });
    converse(sender, receiver);
    expectBytes(acceptComplete(receiver), identity);
  });

  it('goes on with a sender that has started anew', () => {
    const [first, receiver, identity] = five();
    converse(first, receiver, 3);
    const second = createIdentitySender();
    second.offer(identity);
    receiver.receive(wire(second.nextMessage(0)!));
    second.receive(wire(receiver.nextMessage()!));
    expect(second.status).toMatchObject({ chunksLeft: 3 });
    converse(second, receiver);
    expectBytes(acceptComplete(receiver), identity);
  });

  it('asks for nothing that it has accepted before', () => {
    const [sender, receiver] = five();
    converse(sender, receiver);
    acceptComplete(receiver);
    converse(sender, receiver);
    sender.reconnected();
    converse(sender, receiver, 1);
    expect(sender.status).toEqual({ state: 'ready' });
    expect(receiver.status).toEqual({ state: 'accepted' });
  });

  it('takes chunks in any order, and each one once', () => {
    const [sender, receiver, identity] = five();
    receiver.receive(wire(sender.nextMessage(0)!));
    sender.receive(wire(receiver.nextMessage()!));
    const chunks = Array.from({ length: 5 }, () => wire(sender.nextMessage(0)!));
    expect(receiver.receive(chunks[4])).toBeUndefined();
    expect(receiver.receive(chunks[4])).toBe('duplicate');
    for (const index of [2, 0, 3, 1]) expect(receiver.receive(chunks[index])).toBeUndefined();
    expect(receiver.receive(chunks[0])).toBe('unexpected');
    expectBytes(acceptComplete(receiver), identity);
  });

  it('drops chunks of no, another or an older transfer, and of a wrong place or length', () => {
    const [sender, receiver, identity] = five();
    const type = 'identity-chunk';
    const bytes = identity.slice(0, IDENTITY_CHUNK_BYTES);
    expect(receiver.receive({ type, transferId: 1, index: 0, bytes })).toBe('unexpected');
    converse(sender, receiver, 2);
    const before = receiver.status;
    expect(receiver.receive({ type, transferId: 7, index: 1, bytes })).toBe('unexpected');
    expect(receiver.receive({ type, transferId: 1, index: 5, bytes })).toBe('malformed');
    expect(receiver.receive({ type, transferId: 1, index: 4, bytes })).toBe('malformed');
    expect(receiver.receive({ type: 'ping', sent: 0 })).toBe('unexpected');
    expect(receiver.status).toEqual(before);
    sender.reconnected();
    converse(sender, receiver, 1);
    expect(receiver.receive({ type, transferId: 1, index: 1, bytes })).toBe('unexpected');
    converse(sender, receiver);
    expectBytes(acceptComplete(receiver), identity);
  });

  it('asks again for chunks that came unusable', () => {
    const [sender, receiver, identity] = five();
    let spoilt = false;
    for (let step = 0; step < 20 && receiver.status.state !== 'complete'; step++) {
      const forward = sender.nextMessage(0);
      if (forward?.type === 'identity-chunk' && forward.index === 2 && !spoilt) {
        spoilt = true;
        expect(receiver.receive({ ...forward, bytes: forward.bytes.subarray(1) })).toBe(
          'malformed',
        );
      } else if (forward) {
        receiver.receive(wire(forward));
      }
      const backward = receiver.nextMessage();
      if (backward) sender.receive(wire(backward));
    }
    expectBytes(acceptComplete(receiver), identity);
  });

  it('starts over where the hash does not fit, and gives up in the end', () => {
    const [sender, receiver, identity] = five();
    const drops: unknown[] = [];
    let requests = 0;
    const spoil = (times: number) => {
      for (let step = 0; step < 60; step++) {
        const forward = sender.nextMessage(0);
        if (forward?.type === 'identity-chunk' && forward.index === 2 && requests <= times) {
          drops.push(receiver.receive({ ...forward, bytes: forward.bytes.map((b) => b ^ 1) }));
        } else if (forward) {
          drops.push(receiver.receive(wire(forward)));
        }
        const backward = receiver.nextMessage();
        if (backward?.type === 'identity-request') requests++;
        if (backward) sender.receive(wire(backward));
      }
    };
    spoil(99);
    expect(requests).toBe(MAX_IDENTITY_ATTEMPTS);
    expect(drops.filter((drop) => drop === 'hash-mismatch')).toHaveLength(MAX_IDENTITY_ATTEMPTS);
    expect(receiver.status).toMatchObject({ state: 'refused', code: 'hash-mismatch' });
    expect(sender.status).toMatchObject({ state: 'failed', code: 'hash-mismatch' });
    // On another connection it is tried again, and one damaged pass is made good.
    requests = 0;
    sender.reconnected();
    spoil(1);
    expect(requests).toBe(2);
    expectBytes(acceptComplete(receiver), identity);
  });

  it('lets the caller refuse, and refuses the same identity again at once', () => {
    const [sender, receiver] = five();
    converse(sender, receiver);
    if (receiver.status.state !== 'complete') throw new Error(receiver.status.state);
    receiver.refuse(receiver.status.identity, 'malformed', 'no faces\nhere');
    converse(sender, receiver);
    const failed = { state: 'failed', code: 'malformed', message: 'no faces here' };
    expect(sender.status).toEqual(failed);
    sender.reconnected();
    converse(sender, receiver, 1);
    expect(sender.status).toEqual(failed);
    sender.offer(blob(50));
    converse(sender, receiver);
    expectBytes(acceptComplete(receiver), blob(50));
  });

  it('lets a newer offer replace the identity, and a late decision about the older one pass', () => {
    const [sender, receiver, identity] = five();
    converse(sender, receiver);
    if (receiver.status.state !== 'complete') throw new Error(receiver.status.state);
    const older = receiver.status.identity;
    sender.offer(blob(9000, 5));
    converse(sender, receiver, 2);
    receiver.accept(older);
    receiver.refuse(older, 'malformed', '');
    expectBytes(older, identity);
    expect(receiver.status).toMatchObject({ state: 'receiving' });
    converse(sender, receiver);
    expectBytes(acceptComplete(receiver), blob(9000, 5));
  });

  it('adds no chunk while the channel is full, but offers all the same', () => {
    const [sender, receiver] = five();
    const full = MAX_BUFFERED_IDENTITY_BYTES + 1;
    receiver.receive(wire(sender.nextMessage(full)!));
    sender.receive(wire(receiver.nextMessage()!));
    expect(sender.nextMessage(full)).toBeUndefined();
    expect(sender.nextMessage(full - 1)).toMatchObject({ type: 'identity-chunk', index: 0 });
  });

  it('sends no identity without end', () => {
    const [sender, receiver] = five();
    converse(sender, receiver, 1);
    const request: ControlMessage = {
      type: 'identity-request',
      transferId: 1,
      have: new Uint8Array(0),
    };
    for (let count = 1; count < MAX_IDENTITY_ATTEMPTS; count++) {
      expect(sender.receive(request)).toBeUndefined();
      expect(sender.status.state).toBe('sending');
    }
    sender.receive(request);
    expect(sender.status).toMatchObject({ state: 'failed', code: 'too-many-requests' });
    expect(sender.nextMessage(0)).toBeUndefined();
  });

  it('offers only what is within the limits', () => {
    const sender = createIdentitySender();
    for (const length of [0, MAX_IDENTITY_BYTES + 1]) {
      expect(() => sender.offer(new Uint8Array(length))).toThrow('identity: must be');
    }
    expect(sender.nextMessage(0)).toBeUndefined();
    sender.reconnected();
    expect(sender.status).toEqual({ state: 'idle' });
  });

  it('allocates nothing for an offer alone', () => {
    const receiver = createIdentityReceiver();
    const offer: ControlMessage = {
      type: 'identity-offer',
      transferId: 1,
      bytes: MAX_IDENTITY_BYTES,
      sha256: '00'.repeat(32),
      chunkBytes: IDENTITY_CHUNK_BYTES,
    };
    expect(largestAllocation(() => receiver.receive(offer))).toBeLessThan(1024);
    const bytes = blob(IDENTITY_CHUNK_BYTES);
    const chunk: ControlMessage = { type: 'identity-chunk', transferId: 1, index: 3, bytes };
    expect(largestAllocation(() => receiver.receive(chunk))).toBe(MAX_IDENTITY_BYTES);
  });

  it('stands 12,000 hostile peers', { timeout: 60_000 }, () => {
    const identity = blob(IDENTITY_CHUNK_BYTES + 60);
    const [sample, taker] = [createIdentitySender(), createIdentityReceiver()];
    sample.offer(identity);
    const valid: Uint8Array[] = [];
    const say = (message: ControlMessage) => {
      valid.push(encodeControlMessage(message));
      return message;
    };
    taker.receive(say(sample.nextMessage(0)!));
    sample.receive(say(taker.nextMessage()!));
    taker.receive(say(sample.nextMessage(0)!));
    taker.receive(say(sample.nextMessage(0)!));
    acceptComplete(taker);
    say(taker.nextMessage()!);
    say({ type: 'identity-refused', transferId: 1, code: 'c', message: 'm' });
    const hostile = fc.array(fc.tuple(fc.nat(4), hostileBytes(valid)), {
      minLength: 1,
      maxLength: 4,
    });
    const states = new Set<string>();
    const largest = largestAllocation(() => {
      fc.assert(
        fc.property(hostile, (attacks) => {
          const sender = createIdentitySender();
          const receiver = createIdentityReceiver();
          sender.offer(identity);
          for (const [pause, bytes] of attacks) {
            converse(sender, receiver, pause);
            const parsed = parseControlMessage(bytes);
            const drops = parsed.ok
              ? [receiver.receive(parsed.value), sender.receive(parsed.value)]
              : [parsed.drop];
            for (const drop of drops) {
              if (drop !== undefined && !DROP_CODES.includes(drop)) throw new Error(drop);
            }
            states.add(`receiver ${receiver.status.state}`).add(`sender ${sender.status.state}`);
          }
          // What is left of an attack ends with its connection.
          receiver.nextMessage();
          sender.reconnected();
          converse(sender, receiver);
          if (receiver.status.state === 'complete') {
            expectBytes(acceptComplete(receiver), identity);
            converse(sender, receiver);
          }
          expect(receiver.status.state).toBe('accepted');
          expect(sender.status.state).toBe('ready');
        }),
        { numRuns: 12_000, seed: 3 },
      );
    });
    expect(largest).toBeLessThanOrEqual(MAX_IDENTITY_BYTES);
    for (const state of ['receiver receiving', 'receiver complete', 'receiver idle']) {
      expect(states).toContain(state);
    }
    for (const state of ['sender sending', 'sender ready', 'sender failed']) {
      expect(states).toContain(state);
    }
  });
});
