/** How far mouths are open on two videos, and whether the one follows the other. */
import sharp from 'sharp';
import type { Picture } from '../../src/geometry/picture.js';
import type { FaceTracker } from '../../src/sender/tracker.js';
import type { Shot } from './talking-head-page.js';

/** Points of the lips' inner edge, of forehead and chin (src/geometry/landmarks.ts). */
const UPPER_LIP = 13;
const LOWER_LIP = 14;
const FOREHEAD = 10;
const CHIN = 152;
/** A call's latency at most, and the steps in which it is looked for. */
const MOST_LAG_MS = 800;
const LAG_STEP_MS = 10;

/** Distance of the lips over the height of the face, in each picture. */
export async function mouthOpenings(
  jpegs: readonly string[],
  tracker: FaceTracker,
): Promise<number[]> {
  const openings: number[] = [];
  for (const jpeg of jpegs) {
    const [face] = await tracker.track(await decodeJpeg(jpeg));
    if (!face) throw new Error(`no face in picture ${openings.length}`);
    const distance = (a: number, b: number) =>
      Math.hypot(...[0, 1].map((c) => face.landmarks[3 * a + c] - face.landmarks[3 * b + c]));
    openings.push(distance(UPPER_LIP, LOWER_LIP) / distance(FOREHEAD, CHIN));
  }
  return openings;
}

export async function decodeJpeg(jpeg: string): Promise<Picture> {
  const image = sharp(Buffer.from(jpeg, 'base64')).ensureAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
}

/** The best correlation of the source with what is shown 0–800 ms later. */
export function bestCorrelation(
  shots: readonly Shot[],
  source: readonly number[],
  shown: readonly number[],
): number {
  let best = -1;
  const last = shots[shots.length - 1].ms;
  for (let lagMs = 0; lagMs <= MOST_LAG_MS; lagMs += LAG_STEP_MS) {
    const pairs: [number, number][] = [];
    let next = 1;
    shots.forEach(({ ms }, i) => {
      const at = ms + lagMs;
      if (at > last) return;
      while (shots[next].ms < at) next++;
      const from = shots[next - 1].ms;
      const share = (at - from) / (shots[next].ms - from);
      pairs.push([source[i], shown[next - 1] + share * (shown[next] - shown[next - 1])]);
    });
    best = Math.max(best, pearson(pairs));
  }
  return best;
}

function pearson(pairs: readonly (readonly [number, number])[]): number {
  const mean = (of: (pair: readonly [number, number]) => number) =>
    pairs.reduce((sum, pair) => sum + of(pair), 0) / pairs.length;
  const [x, y] = [mean(([a]) => a), mean(([, b]) => b)];
  const covariance = mean(([a, b]) => (a - x) * (b - y));
  return covariance / Math.sqrt(mean(([a]) => (a - x) ** 2) * mean(([, b]) => (b - y) ** 2));
}
