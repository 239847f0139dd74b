/** Seconds that a stream is given to settle, before it is measured: a keyframe at a low rate is poor. */
export const SETTLE_SECONDS = 1;

/**
 * Which frames are measured: each `stride`th from the `first` on. For the flicker, the one before is looked
 * at too; no others have to be kept or turned into pixels.
 */
export interface Sampling {
  readonly first: number;
  readonly stride: number;
}

/** The sampling of a clip of so many frames a second. */
export function samplingOf(fps: number, stride: number): Sampling {
  return { first: Math.round(fps * SETTLE_SECONDS), stride };
}

export function isLooked(ordinal: number, { first, stride }: Sampling): boolean {
  const at = ordinal - first;
  return at >= 0 && (at % stride === 0 || (at + 1) % stride === 0);
}

/** ffmpeg's filter that lets those frames through. */
export function lookedFilter({ first, stride }: Sampling): string {
  const chosen = `not(mod(n-${first},${stride}))+not(mod(n-${first}+1,${stride}))`;
  return `select='gte(n,${first})*(${chosen})'`;
}

/** The judge's stride over the frames that are looked at. */
export const judgeStride = (stride: number): number => Math.min(stride, 2);

/** Ordinals, among `frames` frames, of those that are looked at. */
export function lookedOrdinals(frames: number, sampling: Sampling): number[] {
  return Array.from({ length: frames }, (_, at) => at).filter((at) => isLooked(at, sampling));
}
