import type { Picture } from '../../geometry/picture.js';
import type { InferenceSession } from '../../models/inference.js';
import { type Region, sampleRegion } from './region.js';

/** Pixels along a side of the detector's input. */
export const DETECTOR_SIDE = 256;
/** Anchors of one picture: 16 × 16 cells × 2, then 8 × 8 cells × 6. */
export const ANCHOR_COUNT = 896;
/** Numbers per anchor: centre x, y, width, height, then 6 key points. */
const BOX_VALUES = 16;
/** MediaPipe's overlap limit for one face (face_detection_full_range.pbtxt). */
const MAX_OVERLAP = 0.3;

/** An upright rectangle in pixels of the picture; x, y is its top left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A face as the detector gives it. */
export interface Detection extends Box {
  /** 0–1. */
  readonly score: number;
  /** Radians from the x axis to the line from the right to the left eye. */
  readonly angle: number;
}

/** Anchor centres x, y in input pixels, in the order of the graph's outputs. */
export function createAnchors(): Float32Array {
  const anchors = new Float32Array(ANCHOR_COUNT * 2);
  let write = 0;
  for (const { stride, perCell } of [
    { stride: 16, perCell: 2 },
    { stride: 32, perCell: 6 },
  ])
    for (let y = stride / 2; y < DETECTOR_SIDE; y += stride)
      for (let x = stride / 2; x < DETECTOR_SIDE; x += stride)
        for (let n = 0; n < perCell; n++) {
          anchors[write++] = x;
          anchors[write++] = y;
        }
  return anchors;
}

/** Area that two boxes share, in square pixels. */
function sharedArea(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(width, 0) * Math.max(height, 0);
}

const area = ({ width, height }: Box) => width * height;

/** Intersection over union, 0–1. */
export function overlap(a: Box, b: Box): number {
  const shared = sharedArea(a, b);
  return shared / (area(a) + area(b) - shared);
}

/** The part of the smaller box that lies in the other, 0–1. */
export function coverage(a: Box, b: Box): number {
  return sharedArea(a, b) / Math.min(area(a), area(b));
}

/** Non-maximum suppression: the best-scored of each heap of overlapping boxes, best first. */
export function suppress(detections: readonly Detection[]): Detection[] {
  const kept: Detection[] = [];
  for (const candidate of [...detections].sort((a, b) => b.score - a.score))
    if (kept.every((other) => overlap(other, candidate) <= MAX_OVERLAP)) kept.push(candidate);
  return kept;
}

/** The square around the whole picture. */
function wholePicture({ width, height }: Picture): Region {
  return { centreX: width / 2, centreY: height / 2, size: Math.max(width, height), angle: 0 };
}

/** BlazeFace (Bazarevsky et al. 2019), MediaPipe's 256 × 256 back-camera variant. */
export function createDetector(session: InferenceSession, minScore: number) {
  const anchors = createAnchors();
  const image = new Float32Array(DETECTOR_SIDE * DETECTOR_SIDE * 3);
  const minLogit = Math.log(minScore / (1 - minScore));

  function decode(
    scores: Float32Array,
    boxes: Float32Array,
    firstAnchor: number,
    region: Region,
    found: Detection[],
  ): void {
    const scale = region.size / DETECTOR_SIDE;
    const left = region.centreX - region.size / 2;
    const top = region.centreY - region.size / 2;
    for (let i = 0; i < scores.length; i++) {
      if (scores[i]! < minLogit) continue;
      const b = i * BOX_VALUES;
      const x = anchors[(firstAnchor + i) * 2]! + boxes[b]!;
      const y = anchors[(firstAnchor + i) * 2 + 1]! + boxes[b + 1]!;
      found.push({
        x: left + (x - boxes[b + 2]! / 2) * scale,
        y: top + (y - boxes[b + 3]! / 2) * scale,
        width: boxes[b + 2]! * scale,
        height: boxes[b + 3]! * scale,
        score: 1 / (1 + Math.exp(-scores[i]!)),
        angle: Math.atan2(boxes[b + 7]! - boxes[b + 5]!, boxes[b + 6]! - boxes[b + 4]!),
      });
    }
  }

  /** Faces of the picture, best first. */
  return async function detect(picture: Picture): Promise<Detection[]> {
    const region = wholePicture(picture);
    sampleRegion(picture, region, DETECTOR_SIDE, image, 0, { low: -1, high: 1, outside: 'black' });
    const dims = [1, DETECTOR_SIDE, DETECTOR_SIDE, 3];
    const out = await session.run({ image: { data: image, dims } });
    const found: Detection[] = [];
    decode(out.scores_512!.data, out.boxes_512!.data, 0, region, found);
    decode(out.scores_384!.data, out.boxes_384!.data, 512, region, found);
    return suppress(found);
  };
}
