import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';

/** Where a crop comes from. */
export interface CropEntry {
  readonly person: string;
  /** Crops of one clip were taken in one go: an episode's all come from one. */
  readonly clip: string;
  readonly source: string;
}

/** Writes a cache of crops of `size × size` pixels with their landmarks (crop units), as `training/common/crops.py` reads it. */
export function createCropCache(folder: string, size: number) {
  mkdirSync(folder, { recursive: true });
  const crops = openSync(join(folder, 'crops.bin'), 'w');
  const points = openSync(join(folder, 'landmarks.bin'), 'w');
  const entries: CropEntry[] = [];
  return {
    entries: entries as readonly CropEntry[],
    add(picture: Picture, landmarks: Landmarks, entry: CropEntry): void {
      const plane = size * size;
      const planes = new Uint8Array(3 * plane);
      for (let i = 0; i < plane; i++)
        for (let c = 0; c < 3; c++) planes[c * plane + i] = picture.data[4 * i + c];
      writeSync(crops, planes);
      writeSync(points, new Uint8Array(Float32Array.from(landmarks).buffer));
      entries.push(entry);
    },
    close(): void {
      closeSync(crops);
      closeSync(points);
      writeFileSync(join(folder, 'index.json'), `${JSON.stringify({ size, entries })}\n`);
    },
  };
}

export type CropCache = ReturnType<typeof createCropCache>;
