/** Pictures are never longer than this: at 1920×1080 one is 8 MB, and no crop here needs more. */
export const MAX_SIDE = 1920;

/** Scales a size down, keeping its shape, so that neither side is longer than `maxSide` pixels. */
export function fitSide(
  width: number,
  height: number,
  maxSide: number,
): { width: number; height: number } {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
}
