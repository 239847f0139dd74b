import { ByteReader, type ByteWriter } from './bytes.js';
import type { PictureChunkMessage, PictureStartMessage } from './control-messages.js';
import type { Parsed } from './errors.js';
import { PROOF_SIGNATURE_BYTES } from './identity-proof.js';
import { MAX_PICTURE_BYTES } from './limits.js';

const SIGNED = 1;

/** Writes what follows the type of a message that carries a part of a picture. */
export function writePicture(
  writer: ByteWriter,
  message: PictureStartMessage | PictureChunkMessage,
): void {
  writer.varint(message.pictureId);
  if (message.type === 'picture-start') {
    const { bytes, signature } = message;
    writer.varint(bytes).u8(signature ? SIGNED : 0);
    if (signature) writer.bytes(signature);
  }
  writer.bytes(message.chunk);
}

/** Reads an untrusted message that carries a part of a picture. */
export function parsePictureMessage(
  type: (PictureStartMessage | PictureChunkMessage)['type'],
  message: Uint8Array,
): Parsed<PictureStartMessage | PictureChunkMessage> {
  const reader = new ByteReader(message);
  reader.u8();
  const pictureId = reader.varint();
  const bytes = type === 'picture-start' ? reader.varint() : MAX_PICTURE_BYTES;
  const flags = type === 'picture-start' ? reader.u8() : 0;
  if (flags > SIGNED || bytes === 0) reader.fail('malformed');
  if (bytes > MAX_PICTURE_BYTES) reader.fail('over-limit');
  const signature =
    flags === SIGNED ? Uint8Array.from(reader.bytes(PROOF_SIGNATURE_BYTES)) : undefined;
  const chunk = reader.bytes(reader.remaining);
  if (reader.drop === undefined && chunk.length === 0) reader.fail('truncated');
  if (chunk.length > bytes) reader.fail('malformed');
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  if (type === 'picture-chunk') return { ok: true, value: { type, pictureId, chunk } };
  return { ok: true, value: { type, pictureId, bytes, ...(signature && { signature }), chunk } };
}
