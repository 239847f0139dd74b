import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packBody } from '../src/protocol/control-body.js';
import { encodeControlMessage, parseControlMessage } from '../src/protocol/control-codec.js';
import type { ControlMessage, IdentityOfferMessage } from '../src/protocol/control-messages.js';
import {
  type IdentityProof,
  type ProofAlgorithm,
  proofStatement,
} from '../src/protocol/identity-proof.js';
import { createIdentityReceiver } from '../src/protocol/identity-receiver.js';
import { createIdentitySender } from '../src/protocol/identity-sender.js';
import { SenderSession, type SenderSessionOptions } from '../src/sender/session.js';
import { DROP_CODES, hostileBytes } from './hostile.js';
import { IDENTITY, PACK } from './support/call.js';

interface ProofCase {
  readonly algorithm: ProofAlgorithm;
  readonly publicKey: string;
  readonly signature: string;
  readonly offer: string;
}
const vector = JSON.parse(
  readFileSync(new URL('vectors/control/proof.json', import.meta.url), 'utf8'),
);
const cases: ProofCase[] = vector.proofs;
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const proofOf = ({ algorithm, publicKey, signature }: ProofCase): IdentityProof => ({
  algorithm,
  publicKey: fromHex(publicKey),
  signature: fromHex(signature),
});
const [ED25519, P256] = cases.map(proofOf);
const OFFER: IdentityOfferMessage = {
  type: 'identity-offer',
  transferId: 1,
  bytes: 20_000,
  sha256: vector.identitySha256,
  chunkBytes: 8192,
};

/** An offer as a peer may write it. */
function offerWith(proof: unknown): Uint8Array {
  const { type: _, sha256, ...fields } = OFFER;
  return Uint8Array.of(0x10, ...packBody({ ...fields, sha256: fromHex(sha256), proof }));
}

/** Sends what the sender has to say to the receiver, and back, until both are silent. */
function converse(
  sender: ReturnType<typeof createIdentitySender>,
  receiver: ReturnType<typeof createIdentityReceiver>,
): void {
  for (;;) {
    const forward = sender.nextMessage(0);
    if (forward) receiver.receive(wire(forward));
    const backward = receiver.nextMessage();
    if (backward) sender.receive(wire(backward));
    if (!forward && !backward) return;
  }
}

function wire(message: ControlMessage): ControlMessage {
  const parsed = parseControlMessage(encodeControlMessage(message));
  if (!parsed.ok) throw new Error(parsed.drop);
  return parsed.value;
}

describe('the statement of a proof', () => {
  it('is a label and three hashes', () => {
    expect(toHex(proofStatement(vector))).toBe(vector.statement);
  });

  it.each(['identitySha256', 'senderFingerprint', 'receiverFingerprint'])('needs %s', (name) => {
    for (const value of [undefined, '', 'AB'.repeat(32), `${'ab'.repeat(32)}\n`]) {
      const make = () => proofStatement({ ...vector, [name]: value });
      expect(make).toThrow(TypeError);
      expect(make).toThrow(`${name}: must be 64 lower-case hexadecimal digits`);
    }
  });
});

describe('an offer with a proof', () => {
  it.each(cases)('of $algorithm: both directions', (one) => {
    const message = { ...OFFER, proof: proofOf(one) };
    expect(toHex(encodeControlMessage(message))).toBe(one.offer);
    expect(parseControlMessage(fromHex(one.offer))).toEqual({ ok: true, value: message });
  });

  it('leaves what an older receiver reads as it was', () => {
    const [signed, unsigned] = [{ ...OFFER, proof: ED25519 }, OFFER].map((message) => {
      const parsed = parseControlMessage(encodeControlMessage(message));
      return parsed.ok && parsed.value;
    });
    expect(signed).toEqual({ ...unsigned, proof: ED25519 });
    expect(unsigned).not.toHaveProperty('proof');
  });

  it.each<[string, unknown, string]>([
    ['nothing', null, 'malformed'],
    ['a number', 7, 'malformed'],
    ['binary', new Uint8Array(64), 'malformed'],
    ['no fields', {}, 'malformed'],
    ['no signature', { ...ED25519, signature: undefined }, 'malformed'],
    ['another algorithm', { ...ED25519, algorithm: 'rsa' }, 'malformed'],
    ['an algorithm of every object', { ...ED25519, algorithm: 'toString' }, 'malformed'],
    ['a key of the other algorithm', { ...ED25519, publicKey: P256.publicKey }, 'malformed'],
    ['the other algorithm', { ...ED25519, algorithm: 'p-256' }, 'malformed'],
    ['a key in hexadecimal', { ...ED25519, publicKey: 'd7'.repeat(32) }, 'malformed'],
    ['a key cut short', { ...P256, publicKey: P256.publicKey.slice(0, 64) }, 'malformed'],
    ['a compressed key', { ...P256, publicKey: P256.publicKey.with(0, 2) }, 'malformed'],
    ['a longer key', { ...P256, publicKey: new Uint8Array(66) }, 'over-limit'],
    ['a shorter signature', { ...P256, signature: new Uint8Array(63) }, 'malformed'],
    ['a longer signature', { ...P256, signature: new Uint8Array(72) }, 'over-limit'],
  ])('of %s is dropped', (_name, proof, drop) => {
    expect(parseControlMessage(offerWith(proof))).toEqual({ ok: false, drop });
  });

  it('ignores what a later version adds to it', () => {
    expect(parseControlMessage(offerWith({ ...P256, madeAt: 7 }))).toEqual({
      ok: true,
      value: { ...OFFER, proof: P256 },
    });
  });

  it('stands 12,000 hostile offers', { timeout: 60_000 }, () => {
    const outcomes = { signed: 0, unsigned: 0, dropped: 0 };
    fc.assert(
      fc.property(hostileBytes(cases.map(({ offer }) => fromHex(offer))), (bytes) => {
        const parsed = parseControlMessage(bytes);
        if (!parsed.ok) {
          outcomes.dropped++;
          expect(DROP_CODES).toContain(parsed.drop);
        } else if (parsed.value.type === 'identity-offer' && parsed.value.proof) {
          outcomes.signed++;
          const { algorithm, publicKey, signature } = parsed.value.proof;
          expect(publicKey.length).toBe({ ed25519: 32, 'p-256': 65 }[algorithm]);
          expect(signature.length).toBe(64);
        } else outcomes.unsigned++;
      }),
      { numRuns: 12_000, seed: 4 },
    );
    expect(outcomes.signed).toBeGreaterThan(100);
    expect(outcomes.dropped).toBeGreaterThan(1000);
  });
});

describe('a transfer with a proof', () => {
  const blob = Uint8Array.from({ length: 20_000 }, (_, index) => index % 251);

  /** A receiver that has accepted the blob with the first proof, and its sender. */
  function accepted() {
    const [sender, receiver] = [createIdentitySender(), createIdentityReceiver()];
    sender.offer(blob, ED25519);
    converse(sender, receiver);
    const { status } = receiver;
    if (status.state !== 'complete') throw new Error(status.state);
    expect(status).toMatchObject({ proof: ED25519 });
    receiver.accept(status.identity);
    converse(sender, receiver);
    expect(sender.status).toEqual({ state: 'ready' });
    return [sender, receiver] as const;
  }

  it('is judged again under another proof, and under none', () => {
    const [sender, receiver] = accepted();
    for (const proof of [P256, undefined]) {
      sender.offer(blob, proof);
      converse(sender, receiver);
      const { status } = receiver;
      if (status.state !== 'complete') throw new Error(status.state);
      expect(status.proof).toEqual(proof);
      receiver.accept(status.identity);
      converse(sender, receiver);
    }
  });

  it('is not judged again under the same', () => {
    const [sender, receiver] = accepted();
    sender.reconnected();
    converse(sender, receiver);
    expect([sender.status.state, receiver.status.state]).toEqual(['ready', 'accepted']);
  });

  it('that waits for its judgement keeps its own proof', () => {
    const [sender, receiver] = [createIdentitySender(), createIdentityReceiver()];
    sender.offer(blob, ED25519);
    converse(sender, receiver);
    const { status: first } = receiver;
    if (first.state !== 'complete') throw new Error(first.state);
    sender.offer(blob, P256);
    converse(sender, receiver);
    receiver.accept(first.identity);
    expect(receiver.status).toMatchObject({ state: 'complete', proof: P256 });
  });

  it('that was interrupted goes on under the proof of the next connection', () => {
    const [sender, receiver] = [createIdentitySender(), createIdentityReceiver()];
    sender.offer(blob, ED25519);
    receiver.receive(wire(sender.nextMessage(0)!));
    sender.receive(wire(receiver.nextMessage()!));
    receiver.receive(wire(sender.nextMessage(0)!));
    sender.offer(blob, P256);
    receiver.receive(wire(sender.nextMessage(0)!));
    sender.receive(wire(receiver.nextMessage()!));
    expect(sender.status).toMatchObject({ state: 'sending', chunksLeft: 2 });
    converse(sender, receiver);
    expect(receiver.status).toMatchObject({ state: 'complete', proof: P256 });
  });
});

describe('the option `proof` of a sender', () => {
  const create = (change: Partial<SenderSessionOptions>) => () =>
    new SenderSession({ pack: PACK, identity: IDENTITY, fps: 25, ...change }, 0);

  it.each<[string, unknown]>([
    ['a text', 'signed'],
    ['no signature', { ...ED25519, signature: undefined }],
    ['another algorithm', { ...ED25519, algorithm: 'rsa' }],
    ['a key of the other algorithm', { ...P256, publicKey: ED25519.publicKey }],
  ])('is named where it is %s', (_name, proof) => {
    expect(create({ proof: proof as IdentityProof })).toThrow(TypeError);
    expect(create({ proof: proof as IdentityProof })).toThrow('proof: must be');
  });

  it('is not for a personal pack, whose identity is of other bytes', () => {
    const pack = { ...PACK, personal: Uint8Array.of(1) };
    expect(create({ pack, proof: ED25519 })).toThrow('proof: must be left out');
  });
});
