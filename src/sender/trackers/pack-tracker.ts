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

/** How a pack's tracker works. */
export interface PackTrackerOptions {
  /** Whether the points are filtered over time (One-Euro). */
  readonly smooth: boolean;
  /** Whether a network that looks at the eyes sees one of them in each picture, which is less work. */
  readonly eyesInTurn: boolean;
}

/**
 * A tracker on a pack, which it closes, for one stream. Rejects, with the pack closed, where the pack
 * lacks a graph of its kind.
 */
export async function createPackTracker(
  pack: TrackerPack,
  { smooth, eyesInTurn }: PackTrackerOptions,
): Promise<OpenedTracker> {
  try {
    return { name: pack.name, ...followFaces(createFinder(pack, eyesInTurn), smooth) };
  } catch (error) {
    await pack.close();
    throw error;
  }
}

function createFinder(pack: TrackerPack, eyesInTurn: boolean): FaceFinder {
  switch (pack.kind) {
    case 'distilled':
      return createDistilledFinder(pack, eyesInTurn);
    case 'face-landmarker':
      return createFaceLandmarkerFinder(pack.graph('detector.onnx'), pack.graph('landmarks.onnx'));
  }
}
