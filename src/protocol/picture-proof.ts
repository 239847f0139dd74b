import { ByteWriter } from './bytes.js';
import { writeHashes } from './identity-proof.js';

/** What the signature of a picture says. Each: SHA-256, 64 lower-case hexadecimal digits. */
export interface PictureClaim {
  /** Of the picture's blob (`encodePicture`). */
  readonly pictureSha256: string;
  /** Of the bytes of the identity that it is for. */
  readonly identitySha256: string;
  /** Of the DTLS certificates of the two ends of the connection (RFC 8122). */
  readonly senderFingerprint: string;
  readonly receiverFingerprint: string;
}

const STATEMENT_LABEL = 'visavis picture proof v1\0';

/** The bytes that a picture's signature signs. Throws a TypeError where one of the hashes is none. */
export function pictureStatement(claim: PictureClaim): Uint8Array {
  const { pictureSha256, identitySha256, senderFingerprint, receiverFingerprint } = claim;
  const writer = new ByteWriter(160).bytes(new TextEncoder().encode(STATEMENT_LABEL));
  writeHashes(writer, { pictureSha256, identitySha256, senderFingerprint, receiverFingerprint });
  return writer.finish();
}
