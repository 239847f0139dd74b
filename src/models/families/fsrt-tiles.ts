import type { Tensor } from '../inference.js';

/** Bytes of a number. */
const BYTES = 4;
/** Scores of attention are held so many times at once: as they are, and after the softmax. */
const SCORE_COPIES = 2;
/** The widest other layers of the paper's decoder, in and out. */
const OTHER_NUMBERS = 2 * 1536;

/** Keys and values of the decoder's two cross-attentions: all that a frame needs of the sources. */
export type FsrtMemory = Readonly<Record<'keys0' | 'values0' | 'keys1' | 'values1', Tensor>>;

/** Where the pixels of a part of the picture lie: P × 2, x and y of their centres in (−1, 1). */
export type Tile = Tensor;

/** Bytes that one pixel's intermediate results take, by the keys (heads × C × tokens) that it looks at. */
export const bytesPerPixel = ({ keys0 }: Pick<FsrtMemory, 'keys0'>): number =>
  BYTES * (SCORE_COPIES * keys0.dims[0] * keys0.dims[2] + OTHER_NUMBERS);

/**
 * The pixels of a square picture of `side`, row by row, in as few equal parts as keep what a part takes within
 * `budget` bytes. Each pixel is asked for by itself, so the picture does not depend on how it is cut.
 */
export function createTiles(side: number, memory: FsrtMemory, budget: number): Tile[] {
  const pixels = side * side;
  const most = Math.max(1, Math.floor(budget / bytesPerPixel(memory)));
  const length = Math.ceil(pixels / Math.ceil(pixels / most));
  const tiles: Tile[] = [];
  for (let first = 0; first < pixels; first += length) {
    const count = Math.min(length, pixels - first);
    const data = new Float32Array(2 * count);
    for (let i = 0; i < count; i++) {
      data[2 * i] = (2 * ((first + i) % side) + 1) / side - 1;
      data[2 * i + 1] = (2 * Math.floor((first + i) / side) + 1) / side - 1;
    }
    tiles.push({ data, dims: [count, 2] });
  }
  return tiles;
}
