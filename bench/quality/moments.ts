import type { Picture } from '../../src/geometry/picture.js';
import type { MeasuredSource } from './judge.js';
import { lidOpening, mouthOpening, sidewaysGaze } from './point-measures.js';
import type { CodedFrame } from './run-clip.js';

/** Moments spread evenly over a clip. */
const SPREAD = 8;

/** A moment of a clip to be looked at: what was filmed and what was shown. */
export interface Moment {
  /** Number of the frame in the clip. */
  readonly index: number;
  /** Why it was chosen: empty, or what is most of the clip. */
  readonly why: string;
  readonly source: MeasuredSource;
  /** In the order of the decoders. */
  readonly shown: readonly Picture[];
}

type Face = NonNullable<MeasuredSource['face']>;

/** The moments that the decoders find hardest; the largest value is shown. */
const EXTREMES: readonly { readonly why: string; readonly of: (face: Face) => number }[] = [
  { why: 'mouth widest', of: ({ landmarks }) => mouthOpening(landmarks) },
  { why: 'lids lowest', of: ({ landmarks }) => -lidOpening(landmarks) },
  { why: 'gaze most aside', of: ({ landmarks }) => Math.abs(sidewaysGaze(landmarks)) },
];

/**
 * Chooses moments among the measured frames of a clip: 8 spread over the `expected` frames, and those
 * with the widest mouth, the lowest lids and the gaze most to a side.
 */
export function createMoments(expected: number) {
  const spread: Moment[] = [];
  const extremes: (Moment | undefined)[] = EXTREMES.map(() => undefined);
  const most = EXTREMES.map(() => -Infinity);
  return {
    /** Takes a measured frame, the `ordinal`th after the enrolment. */
    consider({ index, shown }: CodedFrame, source: MeasuredSource, ordinal: number): void {
      const moment = { index, source, shown: shown.map(({ picture }) => picture) };
      const due = ((spread.length + 0.5) / SPREAD) * expected;
      if (spread.length < SPREAD && ordinal >= Math.floor(due)) spread.push({ ...moment, why: '' });
      const { face } = source;
      if (!face) return;
      EXTREMES.forEach(({ why, of }, at) => {
        const value = of(face);
        if (value <= most[at]) return;
        most[at] = value;
        extremes[at] = { ...moment, why };
      });
    },
    /** What was chosen: the spread ones in time, then the extremes. */
    chosen: (): Moment[] => [...spread, ...extremes.filter((moment) => moment !== undefined)],
  };
}
