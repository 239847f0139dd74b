import type { RateDecision } from '../../sender/rate-control.js';
import type { RatePreset } from '../../sender/rate-presets.js';
import type { SimulatedLinkOptions, SimulatedLinkStats } from '../../transport/simulated-link.js';

/**
 * What the two processes write down during a run, and the report is made of. Every field whose name
 * ends in `Ms` is a moment: epoch milliseconds (fractional) of the machine that wrote it, null where
 * it did not come.
 */

/** Counters since the process started, read about once a second and when the identity arrived. */
export interface WireSample {
  readonly ms: number;
  /** Bytes at the UDP socket, IP and UDP headers included. */
  readonly sent: number;
  readonly received: number;
  /** Bytes of messages on the data channels, both of them, without any header. */
  readonly payloadSent: number;
  readonly payloadReceived: number;
}

/** Bytes at the UDP socket over the whole run, IP and UDP headers included. */
export interface WireLog {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** In order of time. */
  readonly series: readonly WireSample[];
}

/** What a simulated network did to the datagrams of one side, by their number. */
export interface LinkLog extends SimulatedLinkStats {
  readonly options: SimulatedLinkOptions;
}

/** A frame that the sender sent. */
export interface SentFrame {
  /** Number of the frame in the clip. */
  readonly index: number;
  /** When the picture was there to be tracked. */
  readonly captureMs: number;
  /** When its landmarks were there. */
  readonly trackMs: number;
  /** When its motion was encoded. */
  readonly encodeMs: number;
  /** When the packet that first carried it was given to the channel. */
  readonly sentMs: number;
}

export interface SenderLog {
  /** The clip's path, as it was given. */
  readonly clip: string;
  /** Name of the tracker's pack. */
  readonly tracker: string;
  readonly fps: number;
  readonly framesSent: number;
  readonly frames: readonly SentFrame[];
  /** Messages on the control channel that carried the identity. */
  readonly identityBytes: number;
  /** Messages on the motion channel. */
  readonly motionBytes: number;
  /** Messages on the control channel that carried pictures during the call. */
  readonly pictureBytes: number;
  /** All other messages on the control channel. */
  readonly controlBytes: number;
  readonly wire: WireLog;
  /** Of what it sends; null where no network was simulated. */
  readonly link: LinkLog | null;
  readonly peerJoinedMs: number | null;
  readonly connectedMs: number | null;
  /** When the peer confirmed the whole identity. */
  readonly identityDeliveredMs: number | null;
  /** All references were in use: with a coarse identity first, later than that. */
  readonly referencesDeliveredMs: number | null;
  /** Frames after enrolment in which no face was found. */
  readonly noFaceFrames: number;
  readonly startedMs: number;
  readonly endedMs: number;
  /** Pixels a side of the crop. */
  readonly size: number;
  /** Reference pictures in the identity. */
  readonly references: number;
  readonly preset: RatePreset;
  /** Frames in one packet, at the end. */
  readonly bundle: number;
  /** What rate control had chosen at the end. */
  readonly rate: RateDecision;
}

/** How a frame on show came about: from the wire, or by concealment. */
export type FrameState = 'decoded' | 'still' | 'interpolated' | 'extrapolated' | 'held';

/** A frame that the receiver showed. */
export interface ShownFrame {
  /** Number of the frame in the sender's clip. */
  readonly index: number;
  /** When the packet that first carried it arrived; null where none did in time. */
  readonly receivedMs: number | null;
  /** When the jitter buffer let it go; null as above. */
  readonly bufferMs: number | null;
  /** When its picture was there; null where an older picture was shown again. */
  readonly decodeMs: number | null;
  readonly shownMs: number;
  readonly state: FrameState;
}

export interface ReceiverLog {
  readonly frames: readonly ShownFrame[];
  readonly framesReceived: number;
  readonly framesShown: number;
  readonly framesConcealed: number;
  /** Of those, due while the decoder was busy: a newer one was decoded instead. */
  readonly framesSkipped: number;
  /** Dropped messages by DropCode. */
  readonly drops: Readonly<Record<string, number>>;
  readonly peerJoinedMs: number | null;
  readonly connectedMs: number | null;
  /** When the whole identity was there and verified. */
  readonly identityMs: number | null;
  readonly firstFrameMs: number | null;
  readonly wire: WireLog;
  /** Of what it sends; null where no network was simulated. */
  readonly link: LinkLog | null;
  /** Messages sent back: feedback and control. */
  readonly backwardBytes: number;
  readonly packName: string;
  readonly packSha256: string;
  readonly startedMs: number;
  readonly endedMs: number;
}
