import { describe, expect, it } from 'vitest';
import { hullArea, RelativeMotion } from '../src/models/families/fsrt-relative.js';

const SQUARE = Float32Array.of(-0.5, -0.5, 0.5, -0.5, 0.5, 0.5, -0.5, 0.5, 0, 0.1);
const moved = (points: Float32Array, scale: number, x: number, y: number) =>
  points.map((value, i) => scale * value + (i % 2 ? y : x));
const rounded = (points: Float32Array) =>
  [...points].map((value) => Math.round(value * 1000) / 1000);

describe('relative motion', () => {
  it('knows the area of a hull, inner points and none', () => {
    expect(hullArea(SQUARE)).toBeCloseTo(1);
    expect(hullArea(Float32Array.of(0, 0, 1, 0, 0, 1))).toBeCloseTo(0.5);
    expect(hullArea(Float32Array.of(0, 0, 1, 1, 2, 2))).toBe(0);
  });

  it('adds the scaled movement since the first frame to the source', () => {
    const relative = new RelativeMotion(SQUARE);
    const start = moved(SQUARE, 0.5, 0.2, 0.1);
    expect(rounded(relative.follow(start))).toEqual(rounded(SQUARE));
    // The driving head is half as large: a movement of 0.1 is one of 0.2.
    const there = relative.follow(moved(start, 1, 0.1, 0));
    expect(rounded(there)).toEqual(rounded(moved(SQUARE, 1, 0.2, 0)));
  });

  it('counts from the frame posed most like the source, of the first second', () => {
    const relative = new RelativeMotion(SQUARE);
    const bent = SQUARE.map((value, i) => (i < 4 ? value * 1.5 : value));
    relative.follow(bent);
    expect(rounded(relative.follow(moved(SQUARE, 2, 0.3, 0)))).toEqual(rounded(SQUARE));
    for (let frame = 0; frame < 30; frame++) relative.follow(bent);
    // Too late to be counted from: it is a movement.
    const late = relative.follow(moved(SQUARE, 2, 0.5, 0));
    expect(rounded(late)).toEqual(rounded(moved(SQUARE, 1, 0.1, 0)));
  });
});
