/** How far mouths are open on two videos, and whether the one follows the other. */
import sharp from 'sharp';
import type { Picture } from '../../src/geometry/picture.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';

/** Points of the lips' inner edge, of forehead and chin (src/geometry/landmarks.ts). */
const UPPER_LIP = 13;
const LOWER_LIP = 14;
const FOREHEAD = 10;
const CHIN = 152;
/** A call's latency at most, and the steps in which it is looked for. */
const MOST_LAG_MS = 1200;
const LAG_STEP_MS = 10;

/** A picture of a film. */
export interface FilmFrame {
  readonly ms: number;
  /** Base64. */
  readonly jpeg: string;
}

/** How far a mouth is open at a moment. */
export interface Opening {
  readonly ms: number;
  /** Distance of the lips over the height of the face. */
  readonly opening: number;
}

/** How far the mouth is open in each picture. */
export async function trackMouth(film: readonly FilmFrame[]): Promise<Opening[]> {
  const tracker = await openFaceTracker({ smooth: false });
  const openings: Opening[] = [];
  for (const { ms, jpeg } of film) {
    const [face] = await tracker.track(await decodeJpeg(jpeg));
    if (!face) throw new Error(`no face in picture ${openings.length}`);
    const distance = (a: number, b: number) =>
      Math.hypot(...[0, 1].map((c) => face.landmarks[3 * a + c] - face.landmarks[3 * b + c]));
    const opening = distance(UPPER_LIP, LOWER_LIP) / distance(FOREHEAD, CHIN);
    openings.push({ ms, opening });
  }
  await tracker.close();
  return openings;
}

export async function decodeJpeg(jpeg: string): Promise<Picture> {
  const image = sharp(Buffer.from(jpeg, 'base64')).ensureAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
}

/** The best correlation of the source with what is shown at most 1.2 s later, by the same clock. */
export function bestCorrelation(source: readonly Opening[], shown: readonly Opening[]): number {
  let best = -1;
  for (let lagMs = 0; lagMs <= MOST_LAG_MS; lagMs += LAG_STEP_MS) {
    const pairs: [number, number][] = [];
    let next = 1;
    for (const { ms, opening } of source) {
      const at = ms + lagMs;
      while (next < shown.length - 1 && shown[next].ms < at) next++;
      const [before, after] = [shown[next - 1], shown[next]];
      if (at < before.ms || at > after.ms) continue;
      const share = (at - before.ms) / (after.ms - before.ms);
      pairs.push([opening, before.opening + share * (after.opening - before.opening)]);
    }
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
