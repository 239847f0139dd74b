import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { dataRoot } from '../../bench/data.js';
import { readNpz } from '../../bench/npz.js';
import { fitSimilarity, type Similarity } from '../../src/geometry/fit.js';
import { CROP_UNITS, type Landmarks, POINT_COUNT } from '../../src/geometry/landmarks.js';
import { createPicture, type Picture } from '../../src/geometry/picture.js';
import { LIPS_INNER, RIGID_POINTS } from '../../src/geometry/regions.js';
import { depthInside, gapOf, ringOf } from '../../src/geometry/ring.js';
import { smoothstep } from '../../src/geometry/smoothstep.js';
import type { DecoderReference } from '../../src/models/decoder.js';
import { createWarpDecoder } from '../../src/models/families/warp.js';

interface Still {
  readonly path: string;
  /** Pixels of the still. */
  readonly landmarks: Landmarks;
}

/** A person that is nobody: the mean of all people of the London set, with and without a smile. */
export interface AveragePerson {
  readonly neutral: DecoderReference;
  readonly smiling: DecoderReference;
}

/** The face's height in the crop, and where its middle lies, in crop units. */
const FACE_HEIGHT = 118;
const FACE_CENTRE = { x: 128, y: 124 };
/** The share of the people, by brightness, whose mean a pixel is. */
const MIDDLE = 0.4;
/** Lips at least this far apart, in crop units, show teeth. */
const TEETH_GAP = 1.5;

function stillsOf(set: string): Still[] {
  return readdirSync(resolve(dataRoot(), 'stills', set))
    .sort()
    .map((name) => {
      const track = readNpz(resolve(dataRoot(), 'tracks/stills', set, `${name}.npz`));
      const points = track.landmarks.data as Int16Array;
      const landmarks = Float32Array.from(points.subarray(0, 3 * POINT_COUNT), (v) => v / 16);
      return { path: resolve(dataRoot(), 'stills', set, name), landmarks };
    });
}

function apply({ a, b, tx, ty }: Similarity, points: Landmarks): Landmarks {
  const out = new Float32Array(points.length);
  const scale = Math.hypot(a, b);
  for (let i = 0; i < points.length; i += 3) {
    out[i] = a * points[i] - b * points[i + 1] + tx;
    out[i + 1] = b * points[i] + a * points[i + 1] + ty;
    out[i + 2] = scale * points[i + 2];
  }
  return out;
}

function meanOf(faces: readonly Landmarks[]): Landmarks {
  return Float32Array.from(
    faces[0],
    (_, i) => faces.reduce((sum, face) => sum + face[i], 0) / faces.length,
  );
}

/** Faces brought into one frame by their rigid points, and their mean placed in the crop. */
function alignedMean(faces: readonly Landmarks[]): Landmarks {
  let mean = faces[0];
  for (let round = 0; round < 4; round++) {
    mean = meanOf(faces.map((face) => apply(fitSimilarity(face, mean, RIGID_POINTS), face)));
  }
  const [left, right, top, bottom] = [234, 454, 10, 152];
  const angle = Math.atan2(
    mean[3 * right + 1] - mean[3 * left + 1],
    mean[3 * right] - mean[3 * left],
  );
  const scale = FACE_HEIGHT / (mean[3 * bottom + 1] - mean[3 * top + 1]);
  const a = scale * Math.cos(-angle);
  const b = scale * Math.sin(-angle);
  const placed = apply({ a, b, tx: 0, ty: 0 }, mean);
  const tx = FACE_CENTRE.x - (placed[3 * left] + placed[3 * right]) / 2;
  const ty = FACE_CENTRE.y - (placed[3 * top + 1] + placed[3 * bottom + 1]) / 2;
  return apply({ a: 1, b: 0, tx, ty }, placed);
}

/** The still cut to the crop at `size` by the similarity that takes its pixels to crop units. */
async function crop(path: string, similarity: Similarity, size: number): Promise<Picture> {
  const { data, info } = await sharp(path)
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { a, b, tx, ty } = similarity;
  const norm = a * a + b * b;
  const unit = CROP_UNITS / size;
  const picture = createPicture(size, size);
  for (let row = 0, out = 0; row < size; row++) {
    for (let column = 0; column < size; column++, out += 4) {
      const x = (column + 0.5) * unit - tx;
      const y = (row + 0.5) * unit - ty;
      const u = Math.min(info.width - 1.001, Math.max(0, (a * x + b * y) / norm - 0.5));
      const v = Math.min(info.height - 1.001, Math.max(0, (a * y - b * x) / norm - 0.5));
      const at = 4 * (Math.floor(v) * info.width + Math.floor(u));
      const [fx, fy] = [u % 1, v % 1];
      for (let c = 0; c < 4; c++) {
        const upper = data[at + c] * (1 - fx) + data[at + 4 + c] * fx;
        const below = at + 4 * info.width + c;
        picture.data[out + c] =
          upper * (1 - fy) + (data[below] * (1 - fx) + data[below + 4] * fx) * fy;
      }
    }
  }
  return picture;
}

/**
 * The stills' pictures, each warped to `shape`, become one: channel by channel the mean of the
 * middle of what all of them show, so that edges of hair and clothes stay edges.
 */
async function mergePictures(
  stills: readonly Still[],
  frame: Landmarks,
  shape: Landmarks,
  size: number,
): Promise<Picture> {
  const shown: Uint8ClampedArray[] = [];
  for (const { path, landmarks } of stills) {
    const similarity = fitSimilarity(landmarks, frame, RIGID_POINTS);
    const picture = await crop(path, similarity, size);
    const decoder = createWarpDecoder();
    await decoder.setIdentity({
      size,
      references: [{ picture, landmarks: apply(similarity, landmarks) }],
    });
    shown.push((await decoder.decode(shape)).data);
  }
  const merged = createPicture(size, size);
  const values = new Uint8Array(shown.length);
  const first = Math.round((shown.length * (1 - MIDDLE)) / 2);
  for (let i = 0; i < merged.data.length; i++) {
    for (let n = 0; n < shown.length; n++) values[n] = shown[n][i];
    const middle = values.sort().subarray(first, shown.length - first);
    merged.data[i] = middle.reduce((sum, value) => sum + value, 0) / middle.length;
  }
  return merged;
}

/** Makes the average person from the London set's stills, at `size`. */
export async function makeAveragePerson(size: number): Promise<AveragePerson> {
  const neutralStills = stillsOf('london_neutral');
  const smilingStills = stillsOf('london_smiling');
  const neutralShape = alignedMean(neutralStills.map(({ landmarks }) => landmarks));
  const inFrame = ({ landmarks }: Still) =>
    apply(fitSimilarity(landmarks, neutralShape, RIGID_POINTS), landmarks);
  const showsTeeth = (own: Landmarks) => gapOf(ringOf(own, LIPS_INNER, CROP_UNITS)) > TEETH_GAP;
  const smilingShape = meanOf(smilingStills.map(inFrame).filter(showsTeeth));

  const showingTeeth = smilingStills.filter((still) => showsTeeth(inFrame(still)));
  console.log(`${neutralStills.length} people, ${showingTeeth.length} of them showing teeth`);
  const neutral = await mergePictures(neutralStills, neutralShape, neutralShape, size);
  const smiling = await mergePictures(smilingStills, neutralShape, smilingShape, size);
  // The mouth's inside comes from those who show teeth alone.
  const teeth = await mergePictures(showingTeeth, neutralShape, smilingShape, size);
  const mouth = ringOf(smilingShape, LIPS_INNER, size);
  for (let i = 0; i < smiling.data.length; i++) {
    const x = ((i >> 2) % size) + 0.5;
    const y = Math.floor((i >> 2) / size) + 0.5;
    const share = smoothstep(-2, 1, depthInside(mouth, x, y));
    smiling.data[i] += share * (teeth.data[i] - smiling.data[i]);
  }
  return {
    neutral: { picture: neutral, landmarks: neutralShape },
    smiling: { picture: smiling, landmarks: smilingShape },
  };
}
