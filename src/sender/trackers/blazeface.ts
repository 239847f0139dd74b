import type { Picture } from '../../geometry/picture.js';
import type { InferenceSession } from '../../models/inference.js';
import { type Region, sampleRegion } from './region.js';

/** Anchors of one picture: 16 × 16 cells × 2, then 8 × 8 cells × 6. */
export const ANCHOR_COUNT = 896;
/** Numbers per anchor: centre x, y, width, height, then 6 key points. */
const BOX_VALUES = 16;
/** MediaPipe's default `min_face_detection_confidence`. */
const MIN_SCORE = 0.5;
const MIN_LOGIT = Math.log(MIN_SCORE / (1 - MIN_SCORE));
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
  /** From the right to the left eye, in pixels of the picture. */
  readonly eyesX: number;
  readonly eyesY: number;
}

/** Anchor centres x, y in pixels of an input of `side × side`, in the order of the graph's outputs. */
export function createAnchors(side: number): Float32Array {
  const anchors = new Float32Array(ANCHOR_COUNT * 2);
  let write = 0;
  for (const { stride, perCell } of [
    { stride: side / 16, perCell: 2 },
    { stride: side / 8, perCell: 6 },
  ])
    for (let y = stride / 2; y < side; y += stride)
      for (let x = stride / 2; x < side; x += stride)
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

const MEAN_OF = ['x', 'y', 'width', 'height', 'eyesX', 'eyesY'] as const;

/**
 * Non-maximum suppression, weighted (Bazarevsky et al. 2019): of each heap of boxes that overlap the
 * best-scored one, the mean by score, with the score of that one. Best first.
 */
export function suppress(detections: readonly Detection[]): Detection[] {
  const kept: Detection[] = [];
  let rest = [...detections].sort((a, b) => b.score - a.score);
  for (let [best] = rest; best; [best] = rest) {
    const top = best;
    const heap = rest.filter((other) => overlap(other, top) > MAX_OVERLAP || other === top);
    rest = rest.filter((other) => !heap.includes(other));
    const total = heap.reduce((sum, { score }) => sum + score, 0);
    const mean = { ...top };
    for (const key of MEAN_OF)
      mean[key] = heap.reduce((sum, each) => sum + each[key] * each.score, 0) / total;
    kept.push(mean);
  }
  return kept;
}

/** The square around the whole picture. */
export function wholePicture({ width, height }: Picture): Region {
  return { centreX: width / 2, centreY: height / 2, size: Math.max(width, height), angle: 0 };
}

/** What a detector's graph gave for anchors that follow each other. */
export interface DetectorOutput {
  /** Logits, one for each anchor. */
  readonly scores: Float32Array;
  /** `BOX_VALUES` for each anchor, in pixels of the graph's input, around the anchor's centre. */
  readonly boxes: Float32Array;
}

/**
 * Reads what BlazeFace (Bazarevsky et al. 2019) gave for the whole picture, sampled to `side × side`:
 * the function returned gives its faces, best first. `outputs` follow each other in the order of the
 * anchors.
 */
export function createDetectionReader(side: number) {
  const anchors = createAnchors(side);
  return (picture: Picture, outputs: readonly DetectorOutput[]): Detection[] => {
    const region = wholePicture(picture);
    const scale = region.size / side;
    const left = region.centreX - region.size / 2;
    const top = region.centreY - region.size / 2;
    const found: Detection[] = [];
    let anchor = 0;
    for (const { scores, boxes } of outputs)
      for (let i = 0; i < scores.length; i++, anchor++) {
        if (!(scores[i]! >= MIN_LOGIT)) continue;
        const b = i * BOX_VALUES;
        const x = anchors[anchor * 2]! + boxes[b]!;
        const y = anchors[anchor * 2 + 1]! + boxes[b + 1]!;
        found.push({
          x: left + (x - boxes[b + 2]! / 2) * scale,
          y: top + (y - boxes[b + 3]! / 2) * scale,
          width: boxes[b + 2]! * scale,
          height: boxes[b + 3]! * scale,
          score: 1 / (1 + Math.exp(-scores[i]!)),
          eyesX: (boxes[b + 6]! - boxes[b + 4]!) * scale,
          eyesY: (boxes[b + 7]! - boxes[b + 5]!) * scale,
        });
      }
    return suppress(found);
  };
}

/** Pixels along a side of the back-camera variant's input. */
const SIDE = 256;

/** MediaPipe's 256 × 256 back-camera variant. Gives the faces of a picture, best first. */
export function createDetector(session: InferenceSession) {
  const image = new Float32Array(SIDE * SIDE * 3);
  const read = createDetectionReader(SIDE);
  return async function detect(picture: Picture): Promise<Detection[]> {
    const region = wholePicture(picture);
    sampleRegion(picture, region, SIDE, image, 0, { low: -1, high: 1, outside: 'black' });
    const out = await session.run({ image: { data: image, dims: [1, SIDE, SIDE, 3] } });
    return read(picture, [
      { scores: out.scores_512!.data, boxes: out.boxes_512!.data },
      { scores: out.scores_384!.data, boxes: out.boxes_384!.data },
    ]);
  };
}
