/**
 * What a picture of few bytes shows: `npx tsx bench/picture-bytes.ts`. WebP of a crop of each of five training
 * clips, at most so many bytes, at several sides, scaled back to 256 × 256: PSNR and, where it is installed,
 * Butteraugli's 3-norm.
 */
import { meanSquaredError, psnrOf } from '../src/cli/report/quality.js';
import type { Picture } from '../src/geometry/picture.js';
import { resampleSquare, whole } from '../src/geometry/resample.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { croppedFrames } from './clip-frames.js';
import { splits } from './data.js';
import { openButteraugli } from './quality/butteraugli.js';

const CLIPS = ['uncrop_Obama', 'cap12', 'reagan', 'KatieHill', 'pose_source2'];
const BUDGETS = [1000, 1200, 1500, 2000, 3000, 5000];
const SIDES = [96, 128, 160, 192, 256];
const SIZE = 256;
const FRAME = 60;

const codec = createNodePictureCodec();
const butteraugli = await openButteraugli();
const pictures: Picture[] = [];
for (const name of CLIPS) {
  const clip = splits().train.find(({ file }) => file.includes(name))!;
  let last: Picture | undefined;
  for await (const { picture } of croppedFrames(clip, SIZE, FRAME)) last = picture;
  pictures.push(last!);
}

/** The best that fits; undefined where nothing does. */
async function coded(picture: Picture, side: number, budget: number): Promise<Picture | undefined> {
  const small = side === SIZE ? picture : resampleSquare(picture, whole(picture), side);
  let best: Uint8Array | undefined;
  for (let low = 1, high = 95; low <= high; ) {
    const quality = (low + high) >> 1;
    const bytes = await codec.encode(small, quality);
    if (bytes.length <= budget) {
      best = bytes;
      low = quality + 1;
    } else high = quality - 1;
  }
  const decoded = best && (await codec.decode(best, SIZE));
  return decoded && (side === SIZE ? decoded : resampleSquare(decoded, whole(decoded), SIZE));
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
console.log('bytes side fit  PSNR  butteraugli');
for (const budget of BUDGETS) {
  for (const side of SIDES) {
    const psnr: number[] = [];
    const differences: number[] = [];
    for (const picture of pictures) {
      const shown = await coded(picture, side, budget);
      if (!shown) continue;
      psnr.push(psnrOf(meanSquaredError(picture, shown)));
      differences.push((await butteraugli?.compare(picture, shown)) ?? Number.NaN);
    }
    console.log(
      `${budget}  ${side}  ${psnr.length}  ${mean(psnr).toFixed(2)}  ${mean(differences).toFixed(2)}`,
    );
  }
}
await butteraugli?.close();
