import { describe, expect, it } from 'vitest';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import type { IdentityReference } from '../src/protocol/identity.js';
import { PictureKeeper } from '../src/sender/picture-keeper.js';
import type { PicturePort, ReferenceUpdate } from '../src/sender/picture-port.js';
import { cartoonGeometry } from './support/cartoon-face.js';

const SIZE = 256;
const FACE = cartoonGeometry();
const WARP = await openPack('warp');
const PORTRAIT = await openPack('portrait-256-cpu');

/** A picture in one grey. */
function grey(level: number): Picture {
  const picture = createPicture(SIZE, SIZE);
  picture.data.fill(level);
  return picture;
}

/** A keeper of a receiver that shows black, and what it sends. */
async function kept(
  pack: Pack,
  onDecode: (state: { reference: IdentityReference }) => void = () => {},
) {
  const sent: ReferenceUpdate[] = [];
  const recalled: (readonly number[])[] = [];
  const black = { picture: Uint8Array.of(0), landmarks: FACE };
  const state = { open: true, onDecode, reference: black };
  const checkOpen = () => {
    if (!state.open) throw new InvalidStateError('the receiver takes no pictures now');
  };
  const port: PicturePort = {
    get takesPictures() {
      return state.open;
    },
    picturesPending: 0,
    pictureBps: 10_000,
    urgentPictureBps: 10_000,
    get references() {
      return new Map([[0, state.reference]]);
    },
    sendReference(reference) {
      checkOpen();
      return sent.push(reference);
    },
    showPlaces(places) {
      checkOpen();
      recalled.push(places);
      return -recalled.length;
    },
    sendPicture: () => expect.unreachable('no still is sent'),
  };
  const codec = {
    encode: async ({ data }: Picture) => Uint8Array.of(data[0]),
    async decode([level]: Uint8Array) {
      state.onDecode(state);
      return grey(level);
    },
  };
  const analyser = { analyse: async () => FACE, use() {}, async close() {} };
  const keeper = await PictureKeeper.open({
    pack,
    codec,
    port,
    analyser,
    size: SIZE,
    now: () => 0,
  });
  let nowMs = 0;
  return {
    keeper,
    sent,
    recalled,
    state,
    get nowMs() {
      return nowMs;
    },
    /** Looks at a camera's picture for so long. */
    async look(level: number, ms: number, everyMs = 100) {
      const picture = grey(level);
      const square = { x: 0, y: 0, side: SIZE };
      for (const end = nowMs + ms; nowMs < end; nowMs += everyMs) {
        const faces = [{ landmarks: FACE, presence: 1 }];
        await keeper.watch({ picture, square, faces, geometry: FACE, nowMs });
        await keeper.settled();
      }
    },
  };
}

describe('a keeper of pictures', () => {
  it('sends what is right, and not while the receiver takes no pictures', async () => {
    const call = await kept(PORTRAIT);
    // The channel is taken from it while it prepares what it is going to send.
    call.state.onDecode = () => setTimeout(() => Object.assign(call.state, { open: false }));
    await call.look(200, 3000);
    expect(call.sent).toEqual([]);
    expect(call.state.open).toBe(false);
    call.state.onDecode = () => {};
    call.state.open = true;
    await call.look(200, 20_000);
    expect(call.sent[0]).toMatchObject({ index: 1, shown: [1], urgent: true });
    await call.keeper.close();
  });

  it('knows of references that came while it was opened', async () => {
    const call = await kept(WARP, (state) => {
      state.reference = { picture: Uint8Array.of(200), landmarks: FACE };
    });
    await call.look(200, 3000);
    expect(call.sent).toEqual([]);
    expect(call.keeper.getStats()).toMatchObject({ right: true });
    await call.keeper.close();
  });

  it('calls off what is not wanted any more, once', async () => {
    const call = await kept(WARP);
    await call.look(200, 3000);
    expect(call.sent).toHaveLength(1);
    await call.look(0, 3000);
    expect(call.recalled).toEqual([[0]]);
    call.keeper.report({ id: -1, state: 'in-use', code: '' }, 6000);
    await call.look(0, 2000);
    expect(call.recalled).toHaveLength(1);
    await call.keeper.close();
  });

  it('goes back to references that it has forgotten since', async () => {
    const call = await kept(WARP);
    const inUse = (id: number) => call.keeper.report({ id, state: 'in-use', code: '' }, call.nowMs);
    let answered = 0;
    await call.look(0, 2000);
    for (const level of [100, 200, 50]) {
      // One at once, and a finer one of the same place.
      for (let i = 0; i < 2; i++) {
        await call.look(level, 2000);
        expect(call.sent.slice(answered)).toMatchObject([{ urgent: i === 0 }]);
        inUse(++answered);
      }
    }
    await call.look(150, 1000);
    expect(call.sent.slice(answered)).toMatchObject([{ urgent: true }]);
    // Black is right again, as it was at first; but what was sent for grey has arrived.
    await call.look(0, 1000);
    expect(call.recalled).toEqual([[0]]);
    inUse(++answered);
    inUse(-1);
    await call.look(0, 3000);
    expect(call.keeper.getStats()).toMatchObject({ right: true });
    expect(call.sent).toHaveLength(answered);
    await call.keeper.close();
  });

  it('goes on where nothing is ever heard of what it sends', async () => {
    const call = await kept(WARP);
    await call.look(200, 20 * 16_000, 500);
    expect(call.sent.length).toBeGreaterThan(16);
    await call.keeper.close();
  });
});
