/** A clip's tracked geometry as a call's sender has it, with an identity that nothing is drawn of. */
import type { Landmarks, Pack } from '../../src/index.js';
import { encodeIdentity } from '../../src/protocol/identity.js';
import { asSent } from '../analysed-track.js';
import { splits } from '../data.js';
import { loadTrack } from '../tracks.js';

export interface CallTrack {
  readonly clip: string;
  readonly fps: number;
  readonly identity: Uint8Array;
  readonly frames: readonly (Landmarks | undefined)[];
}

/** The smallest WebP header there is: nobody decodes it. */
const NO_PICTURE = Uint8Array.from(
  Buffer.from('524946461a000000574542505650384c0d0000002f0000001007101111888808', 'hex'),
);

/** The clip whose name contains `name`; frames beyond `maxFps` a second are left out. */
export async function callTrack(name: string, pack: Pack, maxFps: number): Promise<CallTrack> {
  const { train, validation, hard } = splits();
  const clip = [...validation, ...train, ...hard].find(({ file }) => file.includes(name));
  const track = clip && loadTrack(clip);
  if (!clip || !track) throw new Error(`--clips: no clip with a track is called ${name}`);
  const all = await asSent(track, pack);
  const after = all.frames.slice(track.enrolment);
  const fps = Math.min(clip.fps, maxFps);
  const count = Math.floor((after.length * fps) / clip.fps);
  const frames = Array.from({ length: count }, (_, n) => after[Math.floor((n * clip.fps) / fps)]);
  const first = track.frames.find((frame) => frame !== undefined)!;
  const references = [{ picture: NO_PICTURE, landmarks: first }];
  const identity = encodeIdentity({ size: 256, neutral: track.neutral, references });
  return { clip: clip.file, fps, identity, frames };
}

/** For a page: count, numbers a frame, then the numbers; NaN where there is no face. */
export function framesFile(frames: CallTrack['frames']): Uint8Array {
  const length = frames.find((frame) => frame !== undefined)!.length;
  const bytes = new Uint8Array(8 + 4 * length * frames.length);
  new Uint32Array(bytes.buffer, 0, 2).set([frames.length, length]);
  const numbers = new Float32Array(bytes.buffer, 8);
  for (const [n, frame] of frames.entries()) {
    if (frame) numbers.set(frame, n * length);
    else numbers.fill(Number.NaN, n * length, (n + 1) * length);
  }
  return bytes;
}
