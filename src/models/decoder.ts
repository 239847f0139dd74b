import type { Landmarks } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';

/** A reference picture of the enrolled person with its geometry. */
export interface DecoderReference {
  readonly picture: Picture;
  /** In crop units. */
  readonly landmarks: Landmarks;
}

/** What a decoder needs to know of the person: the identity with its pictures decompressed. */
export interface DecoderIdentity {
  /** Pixels across the square picture to show: 256 or 512. */
  readonly size: number;
  readonly references: readonly DecoderReference[];
  /** Networks in the place of the pack's, by their role: those of the person's own pack. */
  readonly networks?: Readonly<Record<string, Uint8Array>>;
}

/** How a decoder does its work; what a family has no use for it leaves alone. */
export interface DecoderOptions {
  /**
   * The largest share of the time between frames that the frame's network may take, above 0 and at most 1:
   * where it takes more it rests, and is tried again every three seconds. By default it is run for each frame,
   * however long that takes.
   */
  readonly networkBudget?: number;
  /**
   * Of `fsrt`: bytes that the intermediate results of a part of the picture may take, above 0; default 64 MiB. The picture is
   * made in as many parts as that needs, and is the same.
   */
  readonly memoryBudget?: number;
  /**
   * Of `fsrt`: whether the sender's movement is added to the pose of the first reference instead of being taken as it is, for
   * a sender who drives somebody else's picture (`RelativeMotion`). False by default: in a call they are the same person.
   */
  readonly relativeMotion?: boolean;
  /**
   * What stands behind the person, in families that tell the person from it (`head2head`): what the references show there,
   * the same blurred, or a picture, of which the square in the middle is shown. Default 'keep'.
   */
  readonly background?: 'keep' | 'blur' | Picture;
  /** Milliseconds of a steady clock; default `performance.now`. */
  readonly now?: () => number;
}

/** What a decoder has done since it was made. */
export interface DecoderStats {
  /** Frames that were decoded. */
  readonly frames: number;
  /** Those among them that the network was run for. */
  readonly networkRuns: number;
}

/** One decoder family: turns the dense geometry of a frame into a picture of the enrolled person. */
export interface FaceDecoder {
  /** Takes a (new) person, at once; the pictures stay unchanged. */
  setIdentity(identity: DecoderIdentity): Promise<void>;
  /**
   * Takes other references of the person and fades to them with the next frames; frames can be decoded while
   * it prepares. The pictures stay unchanged. A decoder without it is given the identity anew.
   */
  changeReferences?(references: readonly DecoderReference[]): Promise<void>;
  /**
   * Renders one frame. `geometry` is in crop units and stays the caller's; the returned picture is
   * `size × size` and becomes the caller's.
   */
  decode(geometry: Landmarks): Promise<Picture>;
  /** Of families with a network that is run frame by frame. */
  readonly stats?: DecoderStats;
  /** Frees the decoder. Safe to call twice. */
  close(): Promise<void>;
}
