import type { FaceTracker } from '../tracker.js';
import { createDistilledFinder } from './distilled.js';
import { createFaceLandmarkerFinder } from './face-landmarker.js';
import { type FaceFinder, followFaces } from './following.js';
import type { TrackerPack } from './pack.js';

/** A tracker of a pack. */
export interface OpenedTracker extends FaceTracker {
  /** The pack's name. */
  readonly name: string;
}

/**
 * A tracker on a pack, which it closes, for one stream. `smooth`: the points are filtered over time
 * (One-Euro). Rejects, with the pack closed, where the pack lacks a graph of its kind.
 */
export async function createPackTracker(
  pack: TrackerPack,
  smooth: boolean,
): Promise<OpenedTracker> {
  try {
    return { name: pack.name, ...followFaces(createFinder(pack), smooth) };
  } catch (error) {
    await pack.close();
    throw error;
  }
}

function createFinder(pack: TrackerPack): FaceFinder {
  switch (pack.kind) {
    case 'distilled':
      return createDistilledFinder(pack);
    case 'face-landmarker':
      return createFaceLandmarkerFinder(pack.graph('detector.onnx'), pack.graph('landmarks.onnx'));
  }
}
