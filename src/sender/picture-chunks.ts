import type { ControlMessage } from '../protocol/control-messages.js';
import { PROOF_SIGNATURE_BYTES } from '../protocol/identity-proof.js';

/** What is cut. */
export interface ChunkedPicture {
  readonly id: number;
  readonly blob: Uint8Array;
  readonly signature?: Uint8Array;
}

/** A picture that is being sent, chunk by chunk; the first has its signature. */
export class PictureChunks<Sent extends ChunkedPicture> {
  readonly picture: Sent;
  /** Bytes of the picture that have left. */
  sent = 0;

  constructor(picture: Sent) {
    this.picture = picture;
  }

  get done(): boolean {
    return this.sent === this.picture.blob.length;
  }

  /** The next message, with at most so many bytes of the picture, and the bytes that are in it. */
  next(most: number): { readonly message: ControlMessage; readonly bytes: number } {
    const { id: pictureId, blob, signature } = this.picture;
    const first = this.sent === 0;
    const chunk = blob.subarray(this.sent, this.sent + most);
    this.sent += chunk.length;
    if (!first) {
      return { message: { type: 'picture-chunk', pictureId, chunk }, bytes: chunk.length };
    }
    const proof = signature && { signature };
    return {
      message: { type: 'picture-start', pictureId, bytes: blob.length, ...proof, chunk },
      bytes: chunk.length + (signature ? PROOF_SIGNATURE_BYTES : 0),
    };
  }
}
