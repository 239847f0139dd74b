import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeControlMessage } from '../src/protocol/control-codec.js';
import { DROP_CODES, hostileBytes } from './hostile.js';
import { faceAt, PICTURE, simulatedCall } from './support/call.js';

/** Everything that two honest sides say to each other, by channel. */
const said = (() => {
  const call = simulatedCall({ sender: { redundancy: 1 } });
  const messages = { control: [] as Uint8Array[], motion: [] as Uint8Array[] };
  for (const channel of ['control', 'motion'] as const) {
    for (const link of Object.values(call.links[channel])) {
      const { send } = link;
      link.send = (data, now) => {
        messages[channel].push(data.slice());
        send(data, now);
      };
    }
  }
  call.connect();
  const landmarks = faceAt(3);
  call.sender.pictures.sendReference({ index: 1, picture: PICTURE, landmarks });
  call.sender.pictures.sendPicture(PICTURE);
  call.stream(60, (index) => (index > 20 ? faceAt(index) : undefined));
  call.hangUp();
  // What answers a picture, and what ends a call, which is rare among so many chunks.
  const version = { major: 1, minor: 0 };
  const ends = [
    { type: 'picture-used', pictureId: 0 },
    { type: 'picture-refused', pictureId: 1, code: 'unsigned', message: '' },
    { type: 'bye', reason: 'closed', message: '', figures: {} },
    { type: 'reject', version, code: 'timeout', message: 'too late' },
  ] as const;
  for (const end of ends) messages.control.push(encodeControlMessage(end));
  return messages;
})();

const STAGES = ['new', 'handshake', 'identity', 'streaming'] as const;

function callAt(stage: (typeof STAGES)[number]) {
  const call = simulatedCall();
  if (stage === 'handshake') call.run(20);
  if (stage === 'identity') call.run(90);
  if (stage === 'streaming') {
    call.connect();
    call.stream(5);
  }
  return call;
}

const attack = fc.record({
  stage: fc.constantFrom(...STAGES),
  messages: fc.array(
    fc.record({
      channel: fc.constantFrom('control', 'motion', 'motion'),
      bytes: fc.oneof(hostileBytes(said.control), hostileBytes(said.motion)),
      waitMs: fc.constantFrom(0, 0, 1, 40, 500),
    }),
    { minLength: 15, maxLength: 15 },
  ),
});

const STATES = ['connecting', 'streaming', 'ended', 'failed'];

function expectMeaningful(
  status: { state: string; code?: string; message?: string },
  drops: Readonly<Record<string, number>>,
): void {
  expect(STATES).toContain(status.state);
  if (status.state === 'failed') {
    expect(status.code).toMatch(/./);
    expect(typeof status.message).toBe('string');
  }
  expect(Object.keys(drops).every((drop) => (DROP_CODES as string[]).includes(drop))).toBe(true);
}

describe('hostile peers', () => {
  // `simulatedCall` throws where a session has more to say or show than 2000 things at one moment,
  // or asks to be woken again and again without the time going on.

  it('of a receiver: it never throws or hangs, and says where it stands', () => {
    const ends = new Set<string>();
    let cases = 0;
    fc.assert(
      fc.property(attack, ({ stage, messages }) => {
        const call = callAt(stage);
        for (const { channel, bytes, waitMs } of messages) {
          cases++;
          if (channel === 'control') call.receiver.receiveControl(bytes, call.now);
          else call.receiver.receiveMotion(bytes, call.now);
          call.run(call.now + waitMs);
          expectMeaningful(call.receiver.status, call.receiver.getStats().drops);
        }
        ends.add(`${stage} ${call.receiver.status.state}`);
        if (
          call.receiver.status.state !== 'streaming' ||
          call.sender.status.state !== 'streaming'
        ) {
          return;
        }
        // Honest frames are shown again, unless the peer's lies moved the stream elsewhere.
        const before = call.receiver.getStats().framesReceived;
        call.stream(25);
        const { framesReceived, drops } = call.receiver.getStats();
        const ended = call.receiver.status.state !== 'streaming'; // By a goodbye before the frames.
        expect(framesReceived > before || ended || (drops['too-old'] ?? 0) > 0).toBe(true);
      }),
      { numRuns: 200, seed: 24 },
    );
    expect(cases).toBe(200 * 15);
    expect(ends).toContain('streaming streaming');
    expect(ends).toContain('streaming ended');
    expect(ends).toContain('new failed');
  });

  it('of a sender: likewise', () => {
    const ends = new Set<string>();
    fc.assert(
      fc.property(attack, ({ stage, messages }) => {
        const call = callAt(stage);
        for (const { channel, bytes, waitMs } of messages) {
          if (channel === 'control') call.sender.receiveControl(bytes, call.now);
          else call.sender.receiveMotion(bytes);
          if (call.sender.status.state === 'streaming') call.sender.sendFrame(faceAt(0), call.now);
          call.run(call.now + waitMs);
          expectMeaningful(call.sender.status, call.sender.getStats().drops);
        }
        ends.add(`${stage} ${call.sender.status.state}`);
      }),
      { numRuns: 200, seed: 22 },
    );
    expect(ends).toContain('streaming streaming');
    expect(ends).toContain('streaming ended');
    expect(ends).toContain('new failed');
  });
});
