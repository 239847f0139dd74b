/** Two frames of a clip that differ in the mouth and in little else. */
import sharp from 'sharp';
import { openClip } from '../../src/cli/media/clip-source.js';
import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';

/** Middle of the inner upper and lower lip, tip of the nose, outer corners of the eyes. */
const [UPPER, LOWER, NOSE, RIGHT_EYE, LEFT_EYE] = [13, 14, 1, 33, 263];
/** How much a head's move counts against the mouth's. */
const MOVE_WEIGHT = 0.7;
const MAX_FRAMES = 250;

const distance = (a: Landmarks, i: number, b: Landmarks, j: number) =>
  Math.hypot(a[3 * i] - b[3 * j], a[3 * i + 1] - b[3 * j + 1]);

/** How far the mouth is open, over the distance of the eyes. */
export const mouthOpening = (face: Landmarks): number =>
  distance(face, UPPER, face, LOWER) / distance(face, RIGHT_EYE, face, LEFT_EYE);

/** PNG files of the two frames of a clip's first ten seconds: mouth shut, mouth open. */
export async function pickStills(path: string): Promise<[Buffer, Buffer]> {
  const clip = await openClip(path, { maxSide: 640 });
  const tracker = await openFaceTracker();
  const seen: { picture: Picture; face: Landmarks }[] = [];
  for await (const picture of clip.frames()) {
    const [found] = await tracker.track(picture);
    if (found) seen.push({ picture, face: found.landmarks.slice() });
    if (seen.length === MAX_FRAMES) break;
  }
  await Promise.all([tracker.close(), clip.close()]);
  let best = { worth: -Infinity, shut: 0, open: 0 };
  seen.forEach(({ face: a }, shut) => {
    seen.forEach(({ face: b }, open) => {
      const eyes = distance(a, RIGHT_EYE, a, LEFT_EYE);
      const moved = [NOSE, RIGHT_EYE, LEFT_EYE].reduce(
        (sum, point) => sum + distance(a, point, b, point) / eyes,
        0,
      );
      const worth = mouthOpening(b) - mouthOpening(a) - MOVE_WEIGHT * moved;
      if (worth > best.worth) best = { worth, shut, open };
    });
  });
  const png = ({ width, height, data }: Picture) =>
    sharp(Buffer.from(data.buffer), { raw: { width, height, channels: 4 } })
      .png()
      .toBuffer();
  return [await png(seen[best.shut].picture), await png(seen[best.open].picture)];
}
