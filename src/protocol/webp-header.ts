import { ByteReader } from './bytes.js';
import type { Parsed } from './errors.js';

/** ASCII of a four-character code as a big-endian number. */
const fourCc = (text: string) => [...text].reduce((code, c) => code * 256 + c.charCodeAt(0), 0);

const RIFF = fourCc('RIFF');
const WEBP = fourCc('WEBP');
const LOSSY = fourCc('VP8 ');
const LOSSLESS = fourCc('VP8L');
const EXTENDED = fourCc('VP8X');

/**
 * Pixels across and down as a WebP file's header says (RFC 9649 §2.4–2.7, RFC 6386 §9.1), so that a
 * picture that is too large is dropped before a decoder sees it.
 */
export function webpSize(bytes: Uint8Array): Parsed<{ width: number; height: number }> {
  const reader = new ByteReader(bytes);
  const riff = reader.u32();
  reader.bytes(4);
  const webp = reader.u32();
  const chunk = reader.u32();
  reader.bytes(4);
  const u16le = () => reader.u8() | (reader.u8() << 8);
  let width = 0;
  let height = 0;
  if (riff !== RIFF || webp !== WEBP) {
    reader.fail('malformed');
  } else if (chunk === LOSSY) {
    reader.bytes(3);
    const startCode = (reader.u8() << 16) | (reader.u8() << 8) | reader.u8();
    if (startCode !== 0x9d012a) reader.fail('malformed');
    width = u16le() & 0x3fff;
    height = u16le() & 0x3fff;
  } else if (chunk === LOSSLESS) {
    if (reader.u8() !== 0x2f) reader.fail('malformed');
    const low = u16le();
    const high = u16le();
    width = (low & 0x3fff) + 1;
    height = ((low >> 14) | ((high & 0xfff) << 2)) + 1;
  } else if (chunk === EXTENDED) {
    reader.bytes(4);
    width = (u16le() | (reader.u8() << 16)) + 1;
    height = (u16le() | (reader.u8() << 16)) + 1;
  } else {
    reader.fail('malformed');
  }
  if (width < 1 || height < 1) reader.fail('malformed');
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  return { ok: true, value: { width, height } };
}
