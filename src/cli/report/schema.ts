import type { SimulatedLinkOptions } from '../../transport/simulated-link.js';
import type { FrameState } from './logs.js';
import type { Percentiles } from './percentiles.js';

/**
 * `report.json`, documented key by key in docs/report.md. Its keys are a contract that other tools
 * are run against: add some, rename none. Null is what the machine that made the report cannot know.
 */
export interface Report {
  /** Of visavis. */
  readonly version: string;
  readonly clip: string | null;
  readonly fps: number | null;
  readonly seconds: number | null;
  /** Name of the tracker's pack. */
  readonly tracker: string | null;
  readonly pack: { readonly name: string | null; readonly sha256: string | null };
  readonly frames: {
    readonly sent: number | null;
    readonly received: number | null;
    readonly shown: number | null;
    readonly concealed: number | null;
    /** Of those, due while the decoder was busy: a newer one was decoded instead. */
    readonly skipped: number | null;
    readonly no_face: number | null;
  };
  readonly payload: {
    readonly identity_bytes: number | null;
    readonly motion_bytes: number | null;
    readonly picture_bytes: number | null;
    readonly control_bytes: number | null;
    readonly backward_bytes: number | null;
    readonly motion_kbps: number | null;
  };
  readonly wire: {
    readonly forward_bytes: number | null;
    readonly backward_bytes: number | null;
    readonly steady_forward_kbps: number | null;
    readonly steady_backward_kbps: number | null;
  };
  /** What simulated networks did; null where a direction had none. */
  readonly link: { readonly forward: LinkFigures | null; readonly backward: LinkFigures | null };
  readonly stages_ms: {
    readonly track: Percentiles;
    readonly encode: Percentiles;
    readonly bundle: Percentiles;
    readonly network: Percentiles;
    readonly jitter_buffer: Percentiles;
    readonly decode: Percentiles;
    readonly present: Percentiles;
    readonly capture_to_shown: Percentiles;
  };
  readonly sent_fps: number | null;
  readonly shown_fps: number | null;
  readonly connect_to_first_frame_ms: number | null;
  readonly connect_ms: number | null;
  readonly quality: {
    readonly psnr_db: number | null;
    readonly ssim: number | null;
    readonly frames_measured: number;
  };
  /** What keeps the rate of shown frames from being higher. */
  readonly bounds: string | null;
  /** Messages dropped by the receiver, by DropCode. */
  readonly drops: Readonly<Record<string, number>>;
  /** Options of the run: `size`, `references` and `bundle` at least. */
  readonly config: Readonly<Record<string, string | number | boolean | null>>;
  readonly series: {
    readonly rates: readonly RateSample[];
    readonly frames: readonly FrameSample[];
  };
  readonly machine: Machine;
}

/** Datagrams of one direction in a simulated network. */
export interface LinkFigures {
  /** Of `createSimulatedLink`. */
  readonly options: SimulatedLinkOptions;
  readonly sent: number;
  readonly delivered: number;
  readonly lost: number;
  readonly lost_to_outage: number;
  readonly dropped_by_queue: number;
  readonly duplicated: number;
  readonly overtaken: number;
}

/** Mean rates over an interval of about a second. */
export interface RateSample {
  /** End of the interval, seconds since the run started. */
  readonly second: number;
  readonly wire_forward_kbps: number;
  readonly wire_backward_kbps: number;
  readonly payload_forward_kbps: number;
  readonly payload_backward_kbps: number;
}

/** A frame that was shown. */
export interface FrameSample {
  readonly index: number;
  readonly state: FrameState;
  readonly capture_to_shown_ms: number | null;
  /** Null where the frame was not measured. */
  readonly psnr_db: number | null;
  readonly ssim: number | null;
}

/** The machine that made the report. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly os: string;
  readonly node: string;
}
