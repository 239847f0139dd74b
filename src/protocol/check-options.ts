import { MAX_FPS, MIN_FPS, STREAM_SIZES } from './limits.js';

/** Throws a TypeError that names an option's path and what it must be, unless `holds`. */
export function checkOption(holds: boolean, path: string, mustBe: string, value?: unknown): void {
  if (holds) return;
  const given = typeof value === 'number' || typeof value === 'string' ? `, not ${value}` : '';
  throw new TypeError(`${path}: must be ${mustBe}${given}`);
}

/** A whole number `min`–`max`. */
export function checkInteger(path: string, value: number, min: number, max: number): void {
  const holds = Number.isInteger(value) && value >= min && value <= max;
  checkOption(holds, path, `a whole number ${min}–${max}`, value);
}

/** One of `STREAM_SIZES`. */
export function checkStreamSize(path: string, value: number): void {
  const holds = (STREAM_SIZES as readonly number[]).includes(value);
  checkOption(holds, path, `one of ${STREAM_SIZES.join(', ')}`, value);
}

/** Nominal frames per second. */
export function checkFps(path: string, value: number): void {
  const holds = typeof value === 'number' && value >= MIN_FPS && value <= MAX_FPS;
  checkOption(holds, path, `a number ${MIN_FPS}–${MAX_FPS}`, value);
}

/** Something with all these methods. */
export function checkMethods<T extends object>(
  path: string,
  value: T,
  ...methods: (keyof T & string)[]
): void {
  const holds = methods.every((method) => typeof value?.[method] === 'function');
  checkOption(holds, path, `an object with ${methods.map((name) => `${name}()`).join(', ')}`);
}
