/** What one pixel shows where no triangle covers it. */
export const NO_TRIANGLE = 0xffff;

/** Draws which triangle each pixel of a picture shows. Holds its buffers from call to call. */
export interface Rasteriser {
  /**
   * Triangles `first` to before `end` of `triangles` (three vertices each) over what is already
   * there. `vertices` are x y interleaved in pixels, pixel centres at halves. With `depth` (one
   * number a vertex, smaller is nearer) the nearest wins among triangles drawn with depth; without
   * it the last wins.
   */
  draw(
    triangles: Uint16Array,
    first: number,
    end: number,
    vertices: Float32Array,
    depth: Float32Array | undefined,
  ): void;
  /** Forgets everything drawn. */
  clear(): void;
  /** The triangle of each pixel, row by row, or `NO_TRIANGLE`. */
  readonly ids: Uint16Array;
}

/** A rasteriser for pictures of `width × height`. Neighbouring triangles leave no gap between them. */
export function createRasteriser(width: number, height: number): Rasteriser {
  const ids = new Uint16Array(width * height);
  const nearest = new Float32Array(width * height);

  function clear(): void {
    ids.fill(NO_TRIANGLE);
    nearest.fill(Number.POSITIVE_INFINITY);
  }

  function draw(
    triangles: Uint16Array,
    first: number,
    end: number,
    vertices: Float32Array,
    depth: Float32Array | undefined,
  ): void {
    for (let t = first; t < end; t++) {
      let a = triangles[3 * t];
      let b = triangles[3 * t + 1];
      let c = triangles[3 * t + 2];
      // From top to bottom, so that two triangles cut their common edge alike.
      if (vertices[2 * b + 1] < vertices[2 * a + 1]) [a, b] = [b, a];
      if (vertices[2 * c + 1] < vertices[2 * b + 1]) [b, c] = [c, b];
      if (vertices[2 * b + 1] < vertices[2 * a + 1]) [a, b] = [b, a];
      const ax = vertices[2 * a];
      const ay = vertices[2 * a + 1];
      const bx = vertices[2 * b];
      const by = vertices[2 * b + 1];
      const cx = vertices[2 * c];
      const cy = vertices[2 * c + 1];
      const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
      if (area === 0) continue;
      const top = Math.max(0, Math.ceil(ay - 0.5));
      const bottom = Math.min(height, Math.ceil(cy - 0.5));
      let dzx = 0;
      let dzy = 0;
      let z0 = 0;
      if (depth !== undefined) {
        const zb = depth[b] - depth[a];
        const zc = depth[c] - depth[a];
        dzx = (zb * (cy - ay) - zc * (by - ay)) / area;
        dzy = (zc * (bx - ax) - zb * (cx - ax)) / area;
        z0 = depth[a] - dzx * ax - dzy * ay;
      }
      for (let row = top; row < bottom; row++) {
        const y = row + 0.5;
        const long = ax + ((cx - ax) * (y - ay)) / (cy - ay);
        const short =
          y < by
            ? ax + ((bx - ax) * (y - ay)) / (by - ay)
            : bx + ((cx - bx) * (y - by)) / (cy - by);
        const from = row * width + Math.max(0, Math.ceil(Math.min(long, short) - 0.5));
        const to = row * width + Math.min(width, Math.ceil(Math.max(long, short) - 0.5));
        if (depth === undefined) {
          if (from < to) ids.fill(t, from, to);
          continue;
        }
        let z = z0 + dzy * y + dzx * (from - row * width + 0.5);
        for (let i = from; i < to; i++, z += dzx) {
          if (z < nearest[i]) {
            nearest[i] = z;
            ids[i] = t;
          }
        }
      }
    }
  }
  return { draw, clear, ids };
}
