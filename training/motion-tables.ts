/**
 * Counts the motion codec's symbols over the tracks that may be trained on and writes the static
 * entropy tables of a pack; with APPEARANCE.bin those of one whose frames carry surround points and
 * the appearance of mouth and eyes.
 *
 *     VISAVIS_DATA=../shared npx tsx training/motion-tables.ts packs/warp/basis.bin packs/warp/tables.bin [APPEARANCE.bin]
 *
 * The quantiser does not look at the tables, so one pass is exact. Format: spec/bitstream.md,
 * "Entropy tables".
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { analysed } from '../bench/analysed-track.js';
import { splits } from '../bench/data.js';
import { loadTrack } from '../bench/tracks.js';
import { appearanceValues } from '../src/geometry/appearance.js';
import { faceValueCount, MotionModel, SURROUND_VALUES } from '../src/geometry/motion-model.js';
import { parseAppearance } from '../src/models/appearance-data.js';
import { parseBasis } from '../src/models/motion-data.js';
import {
  activityContext,
  encodeFrame,
  initialState,
  MAX_VALUE,
} from '../src/protocol/motion-codec.js';
import {
  ACTIVITY_CONTEXTS,
  LENGTH_SYMBOLS,
  type MotionTables,
  RESIDUAL_LIMIT,
  RESIDUAL_SYMBOLS,
  serialiseTables,
  tableFromCounts,
} from '../src/protocol/motion-tables.js';
import { RangeEncoder } from '../src/protocol/range-coder.js';

const QUANTISERS = [3, 4, 5];
/** A clip counts as at most this many frames: no long clip may own the tables. */
const MOST_FRAMES = 300;
/** Counts lent to each context from the sum over contexts, and to all from a Laplacian. */
const POOLED_COUNT = 20;
const LAPLACE_COUNT = 0.5;

const [basisPath, tablesPath, appearancePath] = process.argv.slice(2);
if (!basisPath || !tablesPath) {
  console.error('usage: npx tsx training/motion-tables.ts BASIS.bin TABLES.bin [APPEARANCE.bin]');
  process.exit(2);
}
const basis = parseBasis(readFileSync(basisPath));
if (!basis) throw new Error(`${basisPath} is no motion basis`);
const appearance = appearancePath ? parseAppearance(readFileSync(appearancePath)) : undefined;
if (appearancePath && !appearance) throw new Error(`${appearancePath} is no appearance basis`);
const moreValues = appearance ? SURROUND_VALUES + appearanceValues(appearance) : 0;
const valueCount = faceValueCount(basis) + moreValues;
const zeros = (symbols: number) => new Float64Array(symbols);
const residual = Array.from({ length: valueCount }, () =>
  Array.from({ length: ACTIVITY_CONTEXTS }, () => zeros(RESIDUAL_SYMBOLS)),
);
const length = Array.from({ length: valueCount }, () => zeros(LENGTH_SYMBOLS));
const flat: MotionTables = {
  valueCount,
  residual: residual.map((contexts) => contexts.map(tableFromCounts)),
  length: length.map(tableFromCounts),
};

const { train, hard } = splits();
let frameCount = 0;
for (const clip of [...train, ...hard]) {
  const face = loadTrack(clip);
  if (!face) continue;
  const track = appearance ? await analysed(face, appearance) : face;
  const model = new MotionModel(basis, track.neutral, moreValues);
  const weight = Math.min(1, MOST_FRAMES / track.frames.length);
  for (const quantiser of QUANTISERS) {
    let state = initialState(valueCount, quantiser);
    let started = false;
    for (const landmarks of track.frames) {
      if (!landmarks) continue;
      const context = activityContext(state.activity, valueCount);
      const reference = started ? state.values : undefined;
      const values = model.quantise(landmarks, reference, quantiser, MAX_VALUE);
      values.forEach((value, v) => {
        length[v][32 - Math.clz32(Math.abs(value))] += weight;
        if (!started) return;
        const difference = value - state.values[v];
        const small = Math.abs(difference) <= RESIDUAL_LIMIT;
        residual[v][context][small ? difference + RESIDUAL_LIMIT : RESIDUAL_SYMBOLS - 1] += weight;
      });
      const coding = started ? 'predicted' : 'independent';
      state = encodeFrame(new RangeEncoder(), flat, coding, state, values);
      started = true;
      frameCount++;
    }
  }
}

/** Left and right turns are equally likely: the counts of a value and its negative are shared. */
function symmetric(counts: Float64Array): Float64Array {
  return counts.map((count, symbol) =>
    symbol < RESIDUAL_SYMBOLS - 1 ? (count + counts[RESIDUAL_SYMBOLS - 2 - symbol]) / 2 : count,
  );
}

const laplacian = zeros(RESIDUAL_SYMBOLS).map((_, symbol) =>
  symbol < RESIDUAL_SYMBOLS - 1 ? Math.exp(-Math.abs(symbol - RESIDUAL_LIMIT)) : 0.01,
);
const tables: MotionTables = {
  valueCount,
  residual: residual.map((contexts) => {
    const pooled = zeros(RESIDUAL_SYMBOLS);
    for (const counts of contexts) {
      for (const [symbol, count] of counts.entries()) pooled[symbol] += count;
    }
    const sum = pooled.reduce((a, b) => a + b, 0);
    return contexts.map((counts) =>
      tableFromCounts(
        symmetric(counts).map(
          (count, symbol) =>
            count +
            (POOLED_COUNT * symmetric(pooled)[symbol]) / Math.max(1, sum) +
            LAPLACE_COUNT * laplacian[symbol],
        ),
      ),
    );
  }),
  length: length.map((counts) => tableFromCounts(counts.map((count) => count + LAPLACE_COUNT))),
};
const bytes = serialiseTables(tables);
writeFileSync(tablesPath, bytes);
console.log(`${frameCount} frames counted; ${tablesPath}: ${bytes.length} bytes`);
