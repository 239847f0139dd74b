import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type JudgedFrame, judge, limitsOf, rightAfter } from '../bench/watch/right.js';
import { SPLICES, type Splice } from '../bench/watch/splices.js';
import { type WatchedCall, watchedCall } from '../bench/watch/watched-call.js';
import { openClip } from '../src/cli/media/clip-source.js';
import type { Picture } from '../src/geometry/picture.js';
import { openPack } from '../src/models/pack-node.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { otherFace } from './support/other-face.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));
const FPS = 25;
const ENROLMENT = FPS;
/** What happens before the camera, in frames after the enrolment. */
const SCENES: readonly { readonly from: number; readonly splice: Splice }[] = [
  { from: 0, splice: SPLICES.quiet },
  { from: 50, splice: SPLICES.dark },
  { from: 120, splice: SPLICES.quiet },
  { from: 170, splice: SPLICES.held },
  { from: 240, splice: SPLICES.quiet },
  { from: 290, splice: otherFace },
  { from: 360, splice: SPLICES.nobody },
  { from: 420, splice: SPLICES.quiet },
];
const END = 470;
/** The issue's: on the wire, motion and pictures together. */
const MAX_BITRATE_BPS = 20_000;
const WITHIN_MS = 2000;

async function* camera(): AsyncGenerator<Picture> {
  const clip = await openClip(SAMPLE);
  const pictures: Picture[] = [];
  for await (const picture of clip.frames()) pictures.push(picture);
  await clip.close();
  for (let i = 0; i < ENROLMENT + END; i++) {
    const index = i - ENROLMENT;
    const scene = SCENES.findLast(({ from }) => from <= index) ?? SCENES[0];
    // There and back, so that it goes on without a cut.
    const at = i % (2 * pictures.length);
    const picture = pictures[at < pictures.length ? at : 2 * pictures.length - 1 - at];
    yield scene.splice(picture, ((index - scene.from) * 1000) / FPS, picture);
  }
}

describe('a call whose sender watches the picture, at 20 kbps', () => {
  const frames: JudgedFrame[] = [];
  let call: WatchedCall;

  beforeAll(async () => {
    const tracker = await openFaceTracker({});
    call = await watchedCall({
      pack: await openPack('portrait-256-cpu'),
      tracker,
      frames: camera(),
      fps: FPS,
      enrolment: ENROLMENT,
      maxBitrateBps: MAX_BITRATE_BPS,
      // Looks take no time, so that each run is the same.
      now: () => 0,
      onFrame: ({ source, shown, capturedMs, shownMs }) => {
        frames.push({ capturedMs, shownMs, ...judge(source, shown) });
      },
    });
    await tracker.close();
  }, 180_000);

  const at = (frame: number) => frames[0].capturedMs + (frame * 1000) / FPS;
  const scene = (index: number) => {
    const [from, to] = [SCENES[index].from, SCENES[index + 1]?.from ?? END];
    const limits = limitsOf(frames.filter(({ capturedMs }) => capturedMs < at(SCENES[1].from)));
    return rightAfter(frames, at(from), at(to), limits);
  };

  it.each([
    ['the light changes', 1],
    ['it changes back', 2],
    ['a hand is held before the face', 3],
    ['it is gone', 4],
    ['another face appears', 5],
    ['nobody is there', 6],
    ['the first face is back', 7],
  ])('shows what is right within 2 s when %s', (_, index) => {
    expect(scene(index)).toBeLessThanOrEqual(WITHIN_MS);
  });

  it('keeps to 20 kbps', () => {
    expect(call.wireBps).toBeLessThanOrEqual(MAX_BITRATE_BPS);
  });
});
