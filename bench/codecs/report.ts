import type { FaceBoxes } from '../quality/face-boxes.js';
import type { Figures } from '../quality/figures.js';
import type { WireRates } from './wire-rates.js';

/** Milliseconds a frame. */
export interface Speed {
  readonly encodeMs: number;
  readonly decodeMs: number;
  /** Of all cores together. */
  readonly encodeCpuMs: number;
  readonly decodeCpuMs: number;
}

/** One stream of one clip. */
export interface StreamReport {
  /** A video codec's name, or a decoder's of ours. */
  readonly codec: string;
  readonly own: boolean;
  /** What was asked for, in kbps; undefined for ours. */
  readonly targetKbps: number | undefined;
  /** Pixels a side that were coded: shown is the clip report's size. */
  readonly side: number;
  readonly rates: WireRates;
  readonly speed: Speed;
  readonly figures: Figures;
  /** Compressed bytes, what is sent once included. */
  readonly bytes: number;
}

/** A frame for the strips. */
export interface Glimpse {
  /** Number in the clip, and after the enrolment. */
  readonly index: number;
  readonly ordinal: number;
  readonly why: string;
  readonly boxes: FaceBoxes | undefined;
}

/** One clip at one size. */
export interface ClipReport {
  readonly file: string;
  readonly size: number;
  readonly fps: number;
  /** Frames after the enrolment: those that were asked for at most, and those that there are. */
  readonly limit: number;
  readonly frames: number;
  readonly stride: number;
  readonly measuredFrames: number;
  readonly identityBytes: number;
  readonly references: number;
  readonly glimpses: readonly Glimpse[];
  readonly streams: readonly StreamReport[];
  readonly repeats: readonly Repeat[];
}

/** A target whose stream came out as another's that is there: the codec cannot go so low, or so high. */
export interface Repeat {
  readonly codec: string;
  readonly targetKbps: number;
  /** The target of the stream that is there. */
  readonly sameAs: number;
  readonly side: number;
}

/** What `codecs.json` holds. */
export interface CodecsReport {
  readonly machine: string;
  readonly date: string;
  readonly versions: string;
  readonly tracker: string;
  readonly leftOut: readonly string[];
  readonly clips: readonly ClipReport[];
}
