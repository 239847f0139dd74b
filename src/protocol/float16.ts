const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** The IEEE 754 binary16 bits nearest to a number (ties to even); beyond ±65504 infinity. */
export function float16Bits(value: number): number {
  floats[0] = value;
  const word = bits[0];
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 112;
  const mantissa = word & 0x7fffff;
  if (exponent === 143) return sign | (mantissa === 0 ? 0x7c00 : 0x7e00);
  if (exponent < -10) return sign;
  // Below exponent 1 the numbers are subnormal: the implicit bit becomes part of the fraction.
  const shift = exponent < 1 ? 14 - exponent : 13;
  const whole = exponent < 1 ? mantissa | 0x800000 : (exponent << 23) + mantissa;
  const half = 1 << (shift - 1);
  const odd = (whole >>> shift) & 1;
  return sign | Math.min((whole + half - 1 + odd) >>> shift, 0x7c00);
}

/** The number that IEEE 754 binary16 bits stand for. */
export function float16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = (half & 0x3ff) / 1024;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}
