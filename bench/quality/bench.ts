import { basename, resolve } from 'node:path';
import { UserError } from '../../src/cli/user-error.js';
import type { StreamSize } from '../../src/protocol/limits.js';
import { openFaceTracker } from '../../src/sender/trackers/open.js';
import { type Clip, dataRoot } from '../data.js';
import { type Candidate, openCandidates } from './candidates.js';
import { type Figures, meanFigures } from './figures.js';
import { type Instruments, openInstruments } from './instruments.js';
import { createJudge } from './judge.js';
import { createMoments, type Moment } from './moments.js';
import { type ClipStart, runClip } from './run-clip.js';
import { type Comparison, comparisons } from './targets.js';
import { createTrackTracker } from './track-tracker.js';

/** FaceLandmarker's tracks of the data in the place of a tracker. */
export const TRACKS = 'tracks';

export interface BenchOptions {
  readonly clips: readonly Clip[];
  readonly size: StreamSize;
  /** Frames of each clip after the enrolment, at most. */
  readonly frames: number;
  /** Of the frames, each so-many-th is measured; all are decoded. */
  readonly stride: number;
  /** Only the end of each clip is measured, this share of it after the enrolment; 1: all of it. */
  readonly last: number;
  /** Pictures that each person is enrolled with. */
  readonly references: number;
  /** `static`, names of packs or paths of their folders. */
  readonly decoders: readonly string[];
  /** Folder of a tracker pack, or `TRACKS`; by default what `openFaceTracker` finds. */
  readonly tracker: string | undefined;
}

/** One clip's part of the report. */
export interface ClipReport {
  /** The clip's path in the data. */
  readonly file: string;
  readonly fps: number;
  readonly identityBytes: number;
  readonly references: number;
  /** Frames after the enrolment, and how many of them were measured. */
  readonly frames: number;
  readonly measuredFrames: number;
  readonly decoders: Readonly<Record<string, Figures>>;
}

/** What `--json` writes. */
export interface QualityReport {
  readonly size: number;
  readonly stride: number;
  readonly tracker: string;
  /** What could not be measured, a line each. */
  readonly leftOut: readonly string[];
  readonly clips: readonly ClipReport[];
  /** Means over the clips. */
  readonly means: Readonly<Record<string, Figures>>;
  readonly comparisons: readonly Comparison[];
}

export interface BenchObserver {
  /** Something is left out. */
  skip(line: string): void;
  clip(report: ClipReport, moments: readonly Moment[]): Promise<void>;
}

/** Judges decoders on clips; docs/quality.md says how. Throws UserError where there is no decoder. */
export async function runBench(
  options: BenchOptions,
  observer: BenchObserver,
): Promise<QualityReport> {
  const leftOut: string[] = [];
  const skip = (line: string) => {
    leftOut.push(line);
    observer.skip(line);
  };
  const candidates = await openCandidates(options.decoders, skip);
  if (candidates.length === 0) throw new UserError('no decoder to judge: see --decoders');
  const names = candidates.map(({ name }) => name);
  const instruments = await openInstruments(resolve(dataRoot(), '../models'), skip);
  const clips: ClipReport[] = [];
  try {
    for (const clip of options.clips) {
      const judged = await judgeClip(clip, options, candidates, instruments).catch((error) => {
        if (!(error instanceof UserError)) throw error;
        skip(`${clip.file} is left out: ${error.message}`);
        return undefined;
      });
      if (!judged) continue;
      clips.push(judged.report);
      await observer.clip(judged.report, judged.moments);
    }
  } finally {
    await instruments.close();
  }
  const figures = clips.map(({ decoders }) => decoders);
  return {
    size: options.size,
    stride: options.stride,
    tracker: await trackerName(options.tracker),
    leftOut,
    clips,
    means: Object.fromEntries(
      names.map((name) => [name, meanFigures(figures.map((each) => each[name]))]),
    ),
    comparisons: comparisons(figures, names),
  };
}

async function trackerName(tracker: string | undefined): Promise<string> {
  if (tracker === TRACKS) return TRACKS;
  const opened = await openFaceTracker({ packPath: tracker });
  await opened.close();
  return opened.name;
}

async function judgeClip(
  { file }: Clip,
  { size, frames, stride, last, references, tracker }: BenchOptions,
  candidates: readonly Candidate[],
  instruments: Instruments,
): Promise<{ readonly report: ClipReport; readonly moments: readonly Moment[] }> {
  const judge = createJudge(instruments, { count: candidates.length, size, stride });
  let start: ClipStart | undefined;
  let moments = createMoments(0);
  let ordinal = 0;
  let measuredFrames = 0;
  let firstMeasured = 0;
  const traffic = await runClip(
    {
      path: resolve(dataRoot(), file),
      size,
      references,
      limit: frames,
      candidates,
      openTracker: async (width) =>
        tracker === TRACKS
          ? createTrackTracker(file, width)
          : openFaceTracker({ packPath: tracker }),
    },
    {
      start(known) {
        start = known;
        const expected = known.expectedFrames ?? 0;
        if (last < 1 && expected === 0) {
          throw new UserError(
            'its length is not known, and so not where its end begins: see --last',
          );
        }
        firstMeasured = Math.ceil((1 - last) * expected);
        moments = createMoments(expected - firstMeasured);
      },
      async frame(frame) {
        const at = ordinal++ - firstMeasured;
        const source = at < 0 ? undefined : await judge.frame(frame);
        if (source) {
          moments.consider(frame, source, at);
          measuredFrames++;
        }
      },
    },
  );
  if (!start || ordinal === 0) {
    throw new UserError(`${basename(file)} ends with its enrolment: give a longer clip`);
  }
  const figures = await judge.finish(traffic);
  return {
    report: {
      file,
      fps: start.fps,
      identityBytes: start.identity.length,
      references: start.references,
      frames: ordinal,
      measuredFrames,
      decoders: Object.fromEntries(candidates.map(({ name }, at) => [name, figures[at]])),
    },
    moments: moments.chosen(),
  };
}
