import type { Landmarks } from '../../src/geometry/landmarks.js';
import type { Picture } from '../../src/geometry/picture.js';
import { type Figures, figuresOf } from '../quality/figures.js';
import type { Instruments } from '../quality/instruments.js';
import { createJudge, type MeasuredSource } from '../quality/judge.js';
import { judgeStride } from './sampling.js';

/** Instruments that look at each source picture once, however many streams it is compared with. */
export function rememberSources(
  instruments: Instruments,
  sources: readonly Picture[],
): Instruments {
  const known = new Set(sources);
  const points = new Map<Picture, Landmarks | undefined>();
  const embeddings = new Map<Picture, Float32Array>();
  const { landmarker, embedder } = instruments;
  return {
    ...instruments,
    landmarker: landmarker && {
      async landmarks(picture) {
        if (points.has(picture)) return points.get(picture);
        const found = await landmarker.landmarks(picture);
        if (known.has(picture)) points.set(picture, found);
        return found;
      },
      close: () => landmarker.close(),
    },
    embedder: embedder && {
      async embed(picture, face) {
        const before = embeddings.get(picture);
        if (before) return before;
        const embedding = await embedder.embed(picture, face);
        if (known.has(picture)) embeddings.set(picture, embedding);
        return embedding;
      },
      close: () => embedder.close(),
    },
  };
}

/** Rates and times of the judge are of another kind of stream. */
const NOT_OURS = new Set(['payloadKbps', 'wireKbps', 'decodeP50', 'decodeP95']);
const NO_TRAFFIC = { bytes: 0, messages: 0, frames: 1, fps: 1 };

/**
 * Judges what several streams showed of the frames that are looked at (`shown[stream][frame]`), and tells
 * `measured` of each source that was measured.
 */
export async function judgeStreams(
  instruments: Instruments,
  stride: number,
  sources: readonly Picture[],
  shown: readonly (readonly Picture[])[],
  measured: (at: number, source: MeasuredSource) => void = () => undefined,
): Promise<Figures[]> {
  const judge = createJudge(instruments, {
    count: shown.length,
    size: sources[0].width,
    stride: judgeStride(stride),
  });
  for (const [at, source] of sources.entries()) {
    const found = await judge.frame({
      index: at,
      source,
      shown: shown.map((pictures) => ({ picture: pictures[at], decodeMs: undefined })),
    });
    if (found) measured(at, found);
  }
  const figures = await judge.finish(shown.map(() => NO_TRAFFIC));
  return figures.map((each) => figuresOf((key) => (NOT_OURS.has(key) ? undefined : each[key])));
}
