/** Frames that the driving one which matches the source best is chosen from: a second. */
const CALIBRATION_FRAMES = 25;
/** Squares of normalised keypoints' distances by which a frame must be the better match: each change moves the picture. */
const MARGIN = 1e-3;

/**
 * Relative motion transfer (Rochow et al. 2024, section 3.4; Siarohin et al. 2019): the driving keypoints' movement
 * since a driving frame that is posed like the source, scaled as the source's hull is to that frame's, is added to the
 * source's keypoints. The frame is the best match among the first 25 by normalised keypoints (the paper compares
 * Bulat and Tzimiropoulos's 68 points; here the family's own serve), and none after them.
 */
export class RelativeMotion {
  readonly #source: Float32Array;
  readonly #shape: Float32Array;
  #start: Float32Array | undefined;
  #distance = Infinity;
  #frames = 0;

  /** `source`: x and y of the source's keypoints in turn. */
  constructor(source: Float32Array) {
    this.#source = source;
    this.#shape = normalised(source);
  }

  /** Where the source's keypoints are when the driving ones are here. */
  follow(driving: Float32Array): Float32Array {
    if (this.#frames < CALIBRATION_FRAMES) this.#calibrate(driving);
    const start = this.#start!;
    const scale = Math.sqrt(hullArea(this.#source) / Math.max(hullArea(start), Number.EPSILON));
    return driving.map((value, i) => this.#source[i] + scale * (value - start[i]));
  }

  #calibrate(driving: Float32Array): void {
    this.#frames++;
    const shape = normalised(driving);
    const distance = shape.reduce((sum, value, i) => sum + (value - this.#shape[i]) ** 2, 0);
    if (this.#start && distance > this.#distance - MARGIN) return;
    this.#distance = distance;
    this.#start = driving.slice();
  }
}

/** Keypoints about their mean, over the square root of their hull's area. */
function normalised(points: Float32Array): Float32Array {
  const count = points.length / 2;
  const mean = [0, 0];
  points.forEach((value, i) => {
    mean[i % 2] += value / count;
  });
  const scale = Math.sqrt(Math.max(hullArea(points), Number.EPSILON));
  return points.map((value, i) => (value - mean[i % 2]) / scale);
}

/** Area of the convex hull of points, x and y in turn (Andrew 1979). */
export function hullArea(points: Float32Array): number {
  const sorted = Array.from({ length: points.length / 2 }, (_, i) => [
    points[2 * i],
    points[2 * i + 1],
  ]).sort(([x, y], [u, v]) => x - u || y - v);
  const hull = [...chain(sorted), ...chain(sorted.reverse())];
  let twice = 0;
  for (const [i, [x, y]] of hull.entries()) {
    const [u, v] = hull[(i + 1) % hull.length];
    twice += x * v - u * y;
  }
  return Math.abs(twice) / 2;
}

/** One side of the hull, without its last point. */
function chain(points: readonly number[][]): number[][] {
  const side: number[][] = [];
  for (const point of points) {
    while (side.length > 1 && turn(side[side.length - 2], side[side.length - 1], point) <= 0)
      side.pop();
    side.push(point);
  }
  return side.slice(0, -1);
}

const turn = ([ax, ay]: number[], [bx, by]: number[], [cx, cy]: number[]): number =>
  (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
