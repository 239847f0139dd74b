import type { Landmarks } from '../geometry/landmarks.js';
import { referenceMismatch } from '../models/families/warp-references.js';

/**
 * Crop units of mismatch that a reference bridges well: so much or less have 80–90 % of the frames of quiet talking
 * heads for the four references of their first second (bench/watch.ts, training clips).
 */
const BRIDGED = { turn: 3.5, mouth: 6, eyes: 2.8 } as const;

/**
 * What a face shows that none of some references does (head turned, teeth, closed lids): 0 where one is
 * just like it, 1 and more where it is not shown. Each part of the face has its own best reference.
 */
export function referenceGap(references: readonly Landmarks[], geometry: Landmarks): number {
  const all = references.map((reference) => referenceMismatch(reference, geometry));
  const least = (part: keyof typeof BRIDGED) =>
    Math.min(...all.map((mismatch) => mismatch[part])) / BRIDGED[part];
  return Math.max(least('turn'), least('mouth'), least('eyes'));
}
