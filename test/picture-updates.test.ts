/** Pictures that a call sends and shows: references, stills, and what is none of ours. */
import { describe, expect, it } from 'vitest';
import { encodeControlMessage } from '../src/protocol/control-codec.js';
import { serialiseFeedback } from '../src/protocol/feedback.js';
import { parseIdentity } from '../src/protocol/identity.js';
import {
  MAX_PICTURE_BURST,
  MAX_PICTURE_CHUNK_BYTES,
  MIN_PICTURE_CHUNK_BYTES,
} from '../src/protocol/limits.js';
import { encodePicture } from '../src/protocol/picture-update.js';
import type { OfferedPicture } from '../src/receiver/picture-receiver.js';
import { faceAt, PICTURE, simulatedCall, webpOf } from './support/call.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** A call whose receiver puts every picture to use, unless told otherwise. */
function pictureCall(options: Parameters<typeof simulatedCall>[0] = {}) {
  const call = simulatedCall(options);
  const taken: OfferedPicture[] = [];
  return {
    ...call,
    taken,
    get now() {
      return call.now;
    },
    /** Lets time pass in steps of a frame; `judge` decides about a picture. */
    go(
      ms: number,
      judge: (offered: OfferedPicture) => string | undefined = () => undefined,
      face?: (index: number) => Float32Array | undefined,
    ) {
      for (const end = call.now + ms; call.now < end; ) {
        call.stream(1, face);
        for (;;) {
          const { offered } = call.receiver.pictures;
          if (!offered) break;
          const refusal = judge(offered);
          if (refusal) call.receiver.pictures.refuse(offered, refusal, '');
          else if (call.receiver.pictures.use(offered)) taken.push(offered);
        }
      }
    },
    reports() {
      const { pictures } = call.sender;
      const all = [];
      for (let next = pictures.nextReport(); next; next = pictures.nextReport()) all.push(next);
      return all;
    },
  };
}

describe('a call with pictures', () => {
  it('takes a reference into use, with its geometry as both ends have it', () => {
    const call = pictureCall();
    call.connect();
    const picture = webpOf(2000);
    const id = call.sender.pictures.sendReference({ index: 2, picture, landmarks: faceAt(9) });
    expect(call.sender.pictures.pending).toBeGreaterThan(2000);
    call.go(3000);
    expect(call.reports()).toEqual([{ id, state: 'in-use', code: '' }]);
    expect(call.sender.pictures.pending).toBe(0);
    const [offered] = call.taken;
    if (offered.kind !== 'reference') throw new Error(offered.kind);
    expect(offered).toMatchObject({ id, index: 2 });
    expect(hex(offered.picture)).toBe(hex(picture));
    const mine = call.sender.pictures.references.get(2);
    expect([...call.sender.pictures.references.keys()]).toEqual([0, 2]);
    expect(mine?.landmarks).toEqual(offered.landmarks);
    const error = offered.landmarks.reduce(
      (sum, value, i) => sum + Math.abs(value - (i % 3 < 2 ? faceAt(9)[i] : value)),
      0,
    );
    expect(error / (2 * 478)).toBeLessThan(1);
    expect(call.receiver.getStats().pictures).toEqual({ used: 1, refused: {} });
    expect(call.sender.getStats().pictureBytes).toBeGreaterThan(2000);
    const anew = parseIdentity(call.sender.pictures.identity);
    expect(anew.ok && anew.value.references.length).toBe(2);
  });

  it('keeps to its rate on the wire, and no motion waits behind it', () => {
    const call = pictureCall({ sender: { pictureBps: 11_000 } });
    call.connect();
    const startMs = call.now;
    call.sender.pictures.sendReference({
      index: 1,
      picture: webpOf(6000),
      landmarks: faceAt(0),
    });
    call.go(6000);
    // Beside them there are answers to pings, which are shorter.
    const pictures = call.sent.filter(
      ({ atMs, direction, channel, bytes }) =>
        atMs >= startMs && direction === 'forward' && channel === 'control' && bytes > 100,
    );
    expect(call.taken.length).toBe(1);
    const wire = pictures.reduce((sum, { bytes }) => sum + bytes + 93, 0);
    const seconds = (pictures.at(-1)!.atMs - pictures[0].atMs) / 1000;
    const kbps = (8 * (wire - pictures.at(-1)!.bytes - 93)) / seconds / 1000;
    expect(kbps).toBeGreaterThan(10.5);
    expect(kbps).toBeLessThan(11.2);
    expect(Math.max(...pictures.map(({ bytes }) => bytes))).toBeLessThan(360);
  });

  it.each([
    [1_000, MIN_PICTURE_CHUNK_BYTES],
    [1_000_000, MAX_PICTURE_CHUNK_BYTES],
  ])('at %i bps a chunk has %i bytes', (pictureBps, bytes) => {
    const call = pictureCall({ sender: { pictureBps } });
    call.connect();
    call.sender.pictures.sendPicture(webpOf(5000));
    const startMs = call.now;
    call.go(400, undefined, () => undefined);
    const first = call.sent.find(
      ({ atMs, direction, channel }) =>
        atMs >= startMs && direction === 'forward' && channel === 'control',
    );
    expect(first?.bytes).toBe(bytes + 5);
  });

  it('sends nothing at a rate of 0, and goes on when there is one', () => {
    const call = pictureCall({ sender: { pictureBps: 0 } });
    call.connect();
    call.sender.pictures.sendPicture(PICTURE);
    call.go(1000, undefined, () => undefined);
    expect(call.taken).toEqual([]);
    call.sender.pictureBps = 8000;
    call.go(1000, undefined, () => undefined);
    expect(call.taken.length).toBe(1);
  });

  it('replaces what waits by what is newer', () => {
    const call = pictureCall();
    call.connect();
    const { pictures } = call.sender;
    const landmarks = faceAt(0);
    const first = pictures.sendReference({ index: 0, picture: webpOf(900), landmarks });
    call.go(40); // Its first chunk has left: it is finished.
    const second = pictures.sendReference({ index: 0, picture: webpOf(900, 1), landmarks });
    const other = pictures.sendReference({ index: 1, picture: webpOf(900, 2), landmarks });
    const third = pictures.sendReference({ index: 0, picture: webpOf(900, 3), landmarks });
    call.go(6000);
    expect(call.reports()).toEqual([
      { id: second, state: 'superseded', code: '' },
      { id: first, state: 'in-use', code: '' },
      { id: other, state: 'in-use', code: '' },
      { id: third, state: 'in-use', code: '' },
    ]);
  });

  it('shows with one reference alone, and goes back to earlier ones without a picture', () => {
    const call = pictureCall();
    call.connect();
    const { pictures } = call.sender;
    const landmarks = faceAt(3);
    const stale = pictures.sendReference({ index: 1, picture: webpOf(4000), landmarks });
    call.go(200); // Its first chunks have left: it is given up.
    const alone = pictures.sendReference({
      index: 5,
      picture: webpOf(900),
      landmarks,
      shown: [5],
    });
    call.go(2000);
    expect([...pictures.references.keys()]).toEqual([5]);
    const back = pictures.showPlaces([0]);
    call.go(500);
    expect([...pictures.references.keys()]).toEqual([0]);
    expect(call.taken).toMatchObject([
      { id: alone, kind: 'reference', index: 5, shown: 1 << 5 },
      { id: back, kind: 'places', shown: 1 },
    ]);
    expect(call.reports()).toEqual([
      { id: stale, state: 'superseded', code: '' },
      { id: alone, state: 'in-use', code: '' },
      { id: back, state: 'in-use', code: '' },
    ]);
  });

  it('says why a picture is refused, counts it, and goes on', () => {
    const call = pictureCall();
    call.connect();
    const id = call.sender.pictures.sendReference({
      index: 0,
      picture: PICTURE,
      landmarks: faceAt(0),
    });
    call.go(1000, () => 'signature-invalid');
    expect(call.reports()).toEqual([{ id, state: 'refused', code: 'signature-invalid' }]);
    expect(call.taken).toEqual([]);
    expect(call.receiver.getStats().pictures).toEqual({
      used: 0,
      refused: { 'signature-invalid': 1 },
    });
    expect(call.sender.pictures.references.size).toBe(1);
    expect(call.receiver.status.state).toBe('streaming');
  });

  it('stops sending a picture that is refused before it is whole', () => {
    const call = pictureCall();
    call.connect();
    const { pictures } = call.sender;
    const landmarks = faceAt(0);
    const id = pictures.sendReference({ index: 1, picture: webpOf(6000), landmarks });
    call.go(200);
    const refused = { type: 'picture-refused', pictureId: id, code: 'too-many-pictures' } as const;
    call.sender.receiveControl(encodeControlMessage({ ...refused, message: '' }), call.now);
    expect(pictures.pending).toBe(0);
    expect(call.reports()).toEqual([{ id, state: 'refused', code: 'too-many-pictures' }]);
    const next = pictures.sendReference({ index: 1, picture: PICTURE, landmarks });
    call.go(1000);
    expect(call.reports()).toEqual([{ id: next, state: 'in-use', code: '' }]);
    expect(call.sender.getStats().drops).toEqual({});
  });

  it('sends the newest of each place again to a receiver that asks for the identity', () => {
    const call = pictureCall({ sender: { pictureBps: 100_000 } });
    call.connect();
    const { pictures } = call.sender;
    const send = (index: number, seed: number, shown?: number[]) =>
      pictures.sendReference({
        index,
        picture: webpOf(900, seed),
        landmarks: faceAt(0),
        ...(shown && { shown }),
      });
    send(1, 1);
    call.go(500);
    pictures.showPlaces([0]);
    call.go(500);
    const alone = send(2, 2, [2]);
    call.go(500);
    const back = pictures.showPlaces([0, 1]);
    call.go(500);
    call.reports();
    // It leaves, and is lost to a receiver that asks for the identity.
    const fresh = send(1, 3, [1, 2]);
    call.sender.advance(call.now);
    while (pictures.pending > 0) call.sender.poll(0);
    call.taken.length = 0;
    const feedback = { newestSequence: undefined, lossFraction: 0, needsRecovery: false };
    call.sender.receiveMotion(
      serialiseFeedback({ ...feedback, needsIndependent: false, needsIdentity: true }),
    );
    call.go(2000);
    expect(call.taken.map(({ id }) => id)).toEqual([alone, back, fresh]);
    expect(call.reports().map(({ id }) => id)).toEqual([alone, back, fresh]);
    expect([...pictures.references.keys()]).toEqual([1, 2]);
  });

  it('waits for the signature of each picture where the identity has one', () => {
    const proof = {
      algorithm: 'ed25519',
      publicKey: new Uint8Array(32),
      signature: new Uint8Array(64),
    } as const;
    const call = pictureCall({ sender: { proof } });
    call.connect();
    const { pictures } = call.sender;
    const id = pictures.sendPicture(PICTURE);
    call.go(500, undefined, () => undefined);
    expect(call.taken).toEqual([]);
    expect(pictures.toSign).toMatchObject({ id });
    pictures.sign(id, new Uint8Array(64).fill(7));
    call.go(500, undefined, () => undefined);
    expect(call.taken).toMatchObject([{ id, signature: new Uint8Array(64).fill(7) }]);
    expect(call.taken[0].identity).toMatchObject({ proof });
    const next = pictures.sendPicture(PICTURE);
    pictures.giveUp(next);
    expect(call.reports().at(-1)).toEqual({ id: next, state: 'refused', code: 'unsigned' });
  });

  it('is not asked for pictures before it streams, or of a receiver that takes none', () => {
    const call = pictureCall();
    expect(() => call.sender.pictures.sendPicture(PICTURE)).toThrow(/takes no pictures/);
    call.connect();
    expect(() =>
      call.sender.pictures.sendReference({ index: 16, picture: PICTURE, landmarks: faceAt(0) }),
    ).toThrow(/^index:/);
    expect(() => call.sender.pictures.sendPicture(Uint8Array.of(1))).toThrow(/^picture:/);
    call.sender.end();
    expect(() => call.sender.pictures.sendPicture(PICTURE)).toThrow(/takes no pictures/);
  });
});

describe('stills', () => {
  const none = () => undefined;

  it('are shown once there is no face, until there is one', () => {
    const call = pictureCall({ sender: { pictureBps: 100_000 } });
    call.connect();
    call.go(400);
    call.go(80, undefined, none);
    call.sender.pictures.sendPicture(webpOf(600));
    call.go(800, undefined, none);
    const stills = () => call.shown.filter(({ origin }) => origin === 'still');
    expect(stills().length).toBe(1);
    expect(stills()[0].still).toBe(call.taken[0]);
    call.sender.pictures.sendPicture(webpOf(700));
    call.go(600, undefined, none);
    expect(stills().map(({ still }) => still)).toEqual(call.taken);
    expect(call.taken.length).toBe(2);
    call.go(400);
    expect(call.shown.at(-1)).toMatchObject({ origin: 'decoded' });
    expect(stills().length).toBe(2);
  });

  it('that come when the face is back are never shown', () => {
    const call = pictureCall({ sender: { pictureBps: 100_000 } });
    call.connect();
    call.go(200);
    call.go(200, undefined, none);
    call.sender.pictures.sendPicture(webpOf(600));
    // The sender does not know of the face yet when its last chunk leaves.
    call.run(call.now + 1);
    call.go(600, () => undefined);
    call.go(600, undefined, none);
    expect(call.taken.length).toBe(1);
    expect(call.shown.filter(({ origin }) => origin === 'still')).toEqual([]);
  });

  it('that have not left are dropped when the face is back', () => {
    const call = pictureCall({ sender: { pictureBps: 2000 } });
    call.connect();
    call.go(200, undefined, none);
    const open = call.sender.pictures.sendPicture(webpOf(6000));
    call.go(200, undefined, none);
    const waits = call.sender.pictures.sendPicture(webpOf(6000));
    call.go(200);
    expect(call.sender.pictures.pending).toBe(0);
    expect(call.reports().map(({ id, state }) => [id, state])).toEqual([
      [waits, 'superseded'],
      [open, 'superseded'],
    ]);
    // The next picture takes the place of the unfinished one.
    call.sender.pictureBps = 100_000;
    const next = call.sender.pictures.sendReference({
      index: 0,
      picture: PICTURE,
      landmarks: faceAt(0),
    });
    call.go(600);
    expect(call.taken.map(({ id }) => id)).toEqual([next]);
  });
});

describe('a sender of pictures that is none of ours', () => {
  const start = (pictureId: number, blob: Uint8Array, bytes = blob.length) =>
    encodeControlMessage({ type: 'picture-start', pictureId, bytes, chunk: blob });
  const still = encodePicture({ kind: 'still', sequence: 0, picture: PICTURE });

  it('is dropped before the identity', () => {
    const call = simulatedCall({ undecided: true });
    call.run(500);
    call.receiver.receiveControl(start(1, still), call.now);
    expect(call.receiver.getStats().drops).toMatchObject({ unexpected: 1 });
  });

  it('sends chunks of nothing, too many bytes, or what is no picture', () => {
    const call = simulatedCall();
    call.connect();
    const { receiver } = call;
    const send = (bytes: Uint8Array) => receiver.receiveControl(bytes, call.now);
    const more = (pictureId: number, chunk: Uint8Array) =>
      send(encodeControlMessage({ type: 'picture-chunk', pictureId, chunk }));
    more(4, still);
    expect(receiver.getStats().drops).toEqual({ unexpected: 1 });
    send(start(5, still, still.length + 2));
    more(5, Uint8Array.of(1, 2, 3));
    expect(receiver.getStats().drops).toEqual({ unexpected: 1, malformed: 1 });
    send(start(6, Uint8Array.of(4, 4, 5)));
    expect(receiver.getStats().drops).toEqual({ unexpected: 1, malformed: 2 });
    const body = { kind: 'reference', index: 0, shown: 1, quantiser: 0, picture: PICTURE } as const;
    send(start(7, encodePicture({ ...body, geometry: new Uint8Array(8).fill(0xff) })));
    expect(receiver.getStats()).toMatchObject({
      drops: { unexpected: 1, malformed: 3 },
      pictures: { used: 0, refused: { malformed: 3 } },
    });
    expect(receiver.pictures.offered).toBeUndefined();
    expect(receiver.status.state).toBe('streaming');
  });

  it('sends more than is taken', () => {
    const call = simulatedCall();
    call.connect();
    const { receiver } = call;
    for (let id = 0; id < 3 * MAX_PICTURE_BURST; id++) {
      receiver.receiveControl(start(id, still), call.now);
    }
    // Of one place the newest waits, and no more than the burst were looked at.
    expect(receiver.pictures.offered?.id).toBe(MAX_PICTURE_BURST - 1);
    expect(receiver.getStats().drops).toEqual({ 'over-limit': 2 * MAX_PICTURE_BURST });
    expect(receiver.getStats().pictures.refused).toEqual({
      superseded: MAX_PICTURE_BURST - 1,
      'too-many-pictures': 2 * MAX_PICTURE_BURST,
    });
    call.run(call.now + 1000);
    receiver.receiveControl(start(500, still), call.now);
    expect(receiver.pictures.offered?.id).toBe(500);
  });

  it('answers what was never sent', () => {
    const call = simulatedCall();
    call.connect();
    call.sender.receiveControl(
      encodeControlMessage({ type: 'picture-used', pictureId: 3 }),
      call.now,
    );
    expect(call.sender.getStats().drops).toEqual({ unexpected: 1 });
  });
});
