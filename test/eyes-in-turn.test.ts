import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openClip } from '../src/cli/media/clip-source.js';
import type { Landmarks } from '../src/geometry/landmarks.js';
import type { OpenSession } from '../src/models/inference.js';
import { createNodeSession } from '../src/models/inference-node.js';
import { loadTrackerPack } from '../src/sender/trackers/pack.js';
import { createPackTracker } from '../src/sender/trackers/pack-tracker.js';

const path = (relative: string) => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const IRIS_SIDE = 64;
const FRAMES = 30;

/** The sample's points by the package's tracker, and how many eyes its network saw in each picture. */
async function track(eyesInTurn: boolean): Promise<{ points: Landmarks[]; eyes: number[] }> {
  const eyes: number[] = [];
  const open: OpenSession = async (graph) => {
    const session = await createNodeSession(graph);
    return {
      close: session.close,
      run(inputs) {
        const { dims } = inputs.image!;
        if (dims[1] === IRIS_SIDE) eyes.push(dims[0]!);
        return session.run(inputs);
      },
    };
  };
  const read = (file: string) => readFile(join(path('packs/tracker'), file));
  const pack = await loadTrackerPack('tracker', '', read, open);
  const tracker = await createPackTracker(pack, { smooth: false, eyesInTurn });
  const clip = await openClip(path('samples/sample.webp'));
  const points: Landmarks[] = [];
  for await (const picture of clip.frames()) {
    const [face] = await tracker.track(picture);
    points.push(face!.landmarks);
    if (points.length === FRAMES) break;
  }
  await clip.close();
  await tracker.close();
  return { points, eyes };
}

test('one eye of each picture, after the first: nearly the same points for half the work', async () => {
  const both = await track(false);
  const inTurn = await track(true);
  expect(both.eyes).toEqual(Array(FRAMES).fill(2));
  expect(inTurn.eyes).toEqual([2, ...Array(FRAMES - 1).fill(1)]);
  expect(inTurn.points[0]).toEqual(both.points[0]);
  const apart = inTurn.points.map((points, frame) =>
    points.reduce((most, value, i) => Math.max(most, Math.abs(value - both.points[frame]![i]!)), 0),
  );
  // Of a picture of 256 × 256 in which the sample blinks and looks about.
  expect(Math.max(...apart)).toBeLessThan(0.5);
  expect(Math.max(...apart)).toBeGreaterThan(0);
});
