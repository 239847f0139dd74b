import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type ControlMessage,
  createIdentityReceiver,
  createIdentitySender,
  createReceiverHandshake,
  createSenderHandshake,
  encodeControlMessage,
  encodeIdentity,
  type Identity,
  parseControlMessage,
  parseIdentity,
} from '../src/protocol/index.js';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`vectors/control/${name}.json`, import.meta.url), 'utf8'));
const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** The message of a vector: "0x…" is binary, and a hello without `terms` has it undefined. */
function meaning(message: Record<string, unknown>): ControlMessage {
  const revive = ([key, value]: [string, unknown]) =>
    typeof value === 'string' && value.startsWith('0x')
      ? [key, fromHex(value.slice(2))]
      : [key, value];
  const fields = Object.fromEntries(Object.entries(message).map(revive));
  if (message.type === 'hello') fields.terms ??= undefined;
  return fields as unknown as ControlMessage;
}

interface VectorCase {
  readonly name: string;
  readonly hex: string;
  readonly message: Record<string, unknown>;
  readonly drop: string;
}
const cases = (name: string): VectorCase[] => read(name).cases;

describe('vectors of the control channel', () => {
  it.each(cases('messages'))('$name: both directions', ({ hex, message }) => {
    expect(parseControlMessage(fromHex(hex))).toEqual({ ok: true, value: meaning(message) });
    expect(toHex(encodeControlMessage(meaning(message)))).toBe(hex);
  });

  it.each(cases('readings'))('$name: is taken', ({ hex, message }) => {
    expect(parseControlMessage(fromHex(hex))).toEqual({ ok: true, value: meaning(message) });
  });

  it.each(cases('drops'))('$name: is dropped', ({ hex, drop }) => {
    expect(parseControlMessage(fromHex(hex))).toEqual({ ok: false, drop });
  });

  it('an identity blob: both directions', () => {
    const { hex, identity } = read('identity');
    const units = (steps: number[]) => Float32Array.from(steps, (step) => step / 64);
    const meant: Identity = {
      size: identity.size,
      neutral: units(identity.neutral),
      references: identity.references.map(
        (reference: { picture: string; landmarks: number[] }) => ({
          picture: fromHex(reference.picture),
          landmarks: units(reference.landmarks),
        }),
      ),
      styleCode: Float32Array.from(identity.styleCode),
    };
    expect(parseIdentity(fromHex(hex))).toEqual({ ok: true, value: meant });
    expect(toHex(encodeIdentity(meant))).toBe(hex);
  });

  it('a whole dialogue: each side says exactly this', () => {
    const dialogue = read('dialogue');
    const handshakes = {
      sender: createSenderHandshake(dialogue.sender, 0),
      receiver: createReceiverHandshake(dialogue.receiver, 0),
    };
    const sender = createIdentitySender();
    const receiver = createIdentityReceiver();
    sender.offer(fromHex(dialogue.identity));
    for (const { from, hex } of dialogue.messages) {
      if (receiver.status.state === 'complete') receiver.accept(receiver.status.identity);
      const said =
        handshakes[from as 'sender' | 'receiver'].nextMessage() ??
        (from === 'sender' ? sender.nextMessage(0) : receiver.nextMessage());
      expect(toHex(encodeControlMessage(said!))).toBe(hex);
      const heard = parseControlMessage(fromHex(hex));
      if (!heard.ok) throw new Error(heard.drop);
      const peer = from === 'sender' ? 'receiver' : 'sender';
      const drop = heard.value.type.startsWith('hello')
        ? handshakes[peer].receive(heard)
        : (from === 'sender' ? receiver : sender).receive(heard.value);
      expect(drop).toBeUndefined();
    }
    expect(handshakes.sender.status).toMatchObject({
      state: 'agreed',
      agreement: { families: ['warp'], stream: { size: 256, fps: 25, expressionComponents: 40 } },
    });
    expect(sender.status).toEqual({ state: 'ready' });
    expect(receiver.status).toEqual({ state: 'accepted' });
  });
});
