import { meanSquaredError, psnrOf, ssim } from '../../src/cli/report/quality.js';
import { resampleSquare, whole } from '../../src/geometry/resample.js';
import { meanAbsoluteError } from '../quality/pixel-measures.js';
import type { CodedFrame } from '../quality/run-clip.js';
import { mean } from '../quality/statistics.js';

/** Likeness of what was shown to the source, both resampled to `size × size`. */
export interface SizeFigures {
  readonly size: number;
  /** As docs/quality.md defines them. */
  readonly psnr: number;
  readonly ssim: number;
  readonly l1: number;
}

/**
 * Judges frames at smaller sizes: a network that makes 64×64 pixels is compared with a source of 64×64 pixels, and what
 * others show, reduced to that, beside it.
 */
export function createSizeJudge(sizes: readonly number[], count: number) {
  const tallies = Array.from({ length: count }, () =>
    sizes.map((size) => ({ size, psnr: [] as number[], ssim: [] as number[], l1: [] as number[] })),
  );
  return {
    frame({ source, shown }: CodedFrame): void {
      for (const [at, size] of sizes.entries()) {
        const small = resampleSquare(source, whole(source), size);
        for (const [decoder, { picture }] of shown.entries()) {
          const seen = resampleSquare(picture, whole(picture), size);
          const tally = tallies[decoder][at];
          tally.psnr.push(psnrOf(meanSquaredError(small, seen)));
          tally.ssim.push(ssim(small, seen));
          tally.l1.push(meanAbsoluteError(small, seen));
        }
      }
    },
    /** Means over the frames, decoder by decoder. */
    finish: (): SizeFigures[][] =>
      tallies.map((sized) =>
        sized.map((tally) => ({
          size: tally.size,
          psnr: mean(tally.psnr) ?? 0,
          ssim: mean(tally.ssim) ?? 0,
          l1: mean(tally.l1) ?? 0,
        })),
      ),
  };
}
