import type { DropCode } from '../protocol/errors.js';
import type { Concealment, FrameOrigin } from '../receiver/concealment.js';
import type { RateDecision } from '../sender/rate-control.js';
import type { OutputPath } from './frame-sink.js';
import type { CapturePath } from './frame-source.js';

/** What `TalkingHeadSender.getStats` gives. Counts are since `create`; medians of the last 50 frames. */
export interface TalkingHeadSenderStats {
  readonly state: string;
  readonly capture: {
    readonly path: CapturePath;
    /** Frames that the track gave. */
    readonly frames: number;
    /** Those of them that a newer one overtook while one was looked at. */
    readonly dropped: number;
  };
  /** What finds the face, what runs it, and why this one. */
  readonly tracker: {
    readonly name: string;
    readonly runtime: 'mediapipe' | 'wasm' | 'webgpu';
    readonly reason: string;
  };
  /** Motion frames in the last second. */
  readonly fps: number;
  readonly framesSent: number;
  readonly framesWithoutFace: number;
  /** Milliseconds for finding the face in a frame, and for all else that makes it a motion frame. */
  readonly trackMs: number | undefined;
  readonly analyseMs: number | undefined;
  /** Bytes of messages, before the headers of SCTP, DTLS, UDP and IP. */
  readonly identityBytes: number;
  readonly motionBytes: number;
  /** Of pictures during the call. */
  readonly pictureBytes: number;
  readonly controlBytes: number;
  /** Loss that the receiver last reported, 0–1. */
  readonly lossFraction: number;
  /** How motion is sent now, and why; undefined before the call. */
  readonly rate: RateDecision | undefined;
}

/** What `TalkingHeadReceiver.getStats` gives, likewise. */
export interface TalkingHeadReceiverStats {
  readonly state: string;
  readonly decoder: {
    /** 'warp': the references are warped, without a network. */
    readonly runtime: 'webgpu' | 'wasm' | 'warp';
    /** Threads of the network; 0 without one. */
    readonly threads: number;
    /** A sentence: why this one. */
    readonly reason: string;
    /**
     * Of the frames that this decoder decoded, for how many the network ran (0–1): it rests where it takes longer than
     * frames allow, and the picture is then that of 'warp'.
     */
    readonly networkShare: number;
  };
  readonly output: OutputPath;
  /** Pictures in the last second. */
  readonly fps: number;
  readonly framesShown: number;
  /** Frames that kept the last picture on show: nothing came, or a newer one was due already. */
  readonly framesHeld: number;
  /** Frames that the jitter buffer let go, by how they came about. */
  readonly framesByOrigin: Readonly<Record<FrameOrigin, number>>;
  /** What is shown now for want of frames: see the event 'concealment'. */
  readonly concealment: Concealment;
  /** Milliseconds from the jitter buffer to the picture. */
  readonly decodeMs: number | undefined;
  /** Milliseconds from the frame's arrival in the sender's worker to its picture on the track. */
  readonly latencyMs: number | undefined;
  readonly roundTripMs: number | undefined;
  /** Milliseconds that the jitter buffer adds. */
  readonly playoutDelayMs: number;
  /** Bytes of messages to the sender. */
  readonly backwardBytes: number;
  /** Pictures during the call that were put to use, and those that were refused, by code. */
  readonly pictures: { readonly used: number; readonly refused: Readonly<Record<string, number>> };
  /** Messages dropped, by reason. */
  readonly drops: Readonly<Partial<Record<DropCode, number>>>;
}
