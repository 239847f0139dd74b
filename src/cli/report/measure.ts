import { commonIndices, type FrameStore } from '../media/frame-store.js';
import { meanSquaredError, psnrOf, ssim } from './quality.js';

/** Likeness of what was shown to what was captured, over frames that both sides have. */
export interface QualityLog {
  readonly frames: readonly {
    readonly index: number;
    readonly mse: number;
    readonly ssim: number;
  }[];
  /** PSNR of the mean squared error over all measured frames, dB. */
  readonly psnrDb: number;
  /** Mean SSIM over all measured frames. */
  readonly ssim: number;
}

/** A frame takes about 20 ms to read and compare at 256×256; a longer run is measured in samples. */
const MAX_FRAMES = 1000;

/** Compares the frames, or 1000 of them evenly spread; undefined where there are none in common. */
export async function measureQuality(
  source: FrameStore,
  received: FrameStore,
): Promise<QualityLog | undefined> {
  const indices = commonIndices(source, received);
  if (indices.length === 0) return undefined;
  const step = Math.max(1, indices.length / MAX_FRAMES);
  const read = (at: number) =>
    at < indices.length
      ? Promise.all([source.read(indices[Math.floor(at)]), received.read(indices[Math.floor(at)])])
      : undefined;
  const frames: { index: number; mse: number; ssim: number }[] = [];
  let next = read(0);
  for (let at = 0; at < indices.length; at += step) {
    const [a, b] = (await next)!;
    next = read(at + step);
    // Where the comparison throws, nobody awaits the next pair.
    next?.catch(() => undefined);
    frames.push({ index: indices[Math.floor(at)], mse: meanSquaredError(a, b), ssim: ssim(a, b) });
  }
  const mean = (of: 'mse' | 'ssim') =>
    frames.reduce((sum, frame) => sum + frame[of], 0) / frames.length;
  return { frames, psnrDb: psnrOf(mean('mse')), ssim: mean('ssim') };
}
