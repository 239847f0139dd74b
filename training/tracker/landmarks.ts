/**
 * MediaPipe FaceLandmarker for tracks.py: pictures on stdin (width and height as two little-endian
 * uint32, then RGBA), 478 × 3 little-endian float32 on stdout for each, in its pixels; all NaN where
 * there is no face. The only argument is `face_landmarker.task`.
 */
import { once } from 'node:events';
import { createLandmarker } from '../../bench/face-landmarker.js';
import { POINT_COUNT } from '../../src/geometry/landmarks.js';

const input = process.stdin.iterator() as AsyncIterableIterator<Buffer>;
let rest = Buffer.alloc(0);

/** The next `count` bytes; undefined at the end. */
async function read(count: number): Promise<Buffer<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [rest];
  let held = rest.length;
  while (held < count) {
    const { value, done } = await input.next();
    if (done) return undefined;
    parts.push(value);
    held += value.length;
  }
  const all = Buffer.concat(parts);
  rest = all.subarray(count);
  return all.subarray(0, count);
}

const landmarker = await createLandmarker(process.argv[2]!);
for (let header = await read(8); header; header = await read(8)) {
  const [width, height] = [header.readUInt32LE(0), header.readUInt32LE(4)];
  const pixels = await read(width * height * 4);
  if (!pixels) throw new Error('the input ends within a picture');
  const data = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  const points =
    (await landmarker.landmarks({ width, height, data })) ??
    new Float32Array(POINT_COUNT * 3).fill(Number.NaN);
  if (!process.stdout.write(Buffer.from(points.buffer, points.byteOffset, points.byteLength)))
    await once(process.stdout, 'drain');
}
await landmarker.close();
