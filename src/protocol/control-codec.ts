import { hexToBytes } from '@noble/hashes/utils.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { packBody, unpackBody } from './control-body.js';
import { FieldReader } from './control-fields.js';
import {
  CONTROL_TYPES,
  type ControlMessage,
  type HelloMessage,
  type IdentityChunkMessage,
  PROTOCOL_VERSION,
  type ProtocolVersion,
  type SessionTerms,
} from './control-messages.js';
import type { Parsed } from './errors.js';
import { readProof } from './identity-proof.js';
import {
  MAX_CONTROL_MESSAGE_BYTES,
  MAX_EXPRESSION_COMPONENTS,
  MAX_FPS,
  MAX_IDENTITY_BYTES,
  MAX_IDENTITY_CHUNK_BYTES,
  MAX_TEXT_BYTES,
  MIN_FPS,
  MIN_IDENTITY_CHUNK_BYTES,
} from './limits.js';
import { parsePictureMessage, writePicture } from './picture-messages.js';
import { toOneLine } from './text.js';

const TYPES: ReadonlyMap<number, ControlMessage['type']> = new Map(
  Object.entries(CONTROL_TYPES).map(([type, code]) => [code, type as ControlMessage['type']]),
);

/** Messages whose body is no map. */
type BinaryType = 'identity-chunk' | 'picture-start' | 'picture-chunk';

const MAX_CHUNKS = Math.ceil(MAX_IDENTITY_BYTES / MIN_IDENTITY_CHUNK_BYTES);
const MAX_U32 = 0xffffffff;
/** Milliseconds that any clock may show: those of a Date (ECMA-262 §21.4.1.1). */
const MAX_CLOCK_MS = 8.64e15;

/**
 * The bytes of a message. Texts for people are made one line and cut to the limit; a message that
 * is too long all the same is a TypeError.
 */
export function encodeControlMessage(message: ControlMessage): Uint8Array {
  const writer = new ByteWriter().u8(CONTROL_TYPES[message.type]);
  if (message.type === 'identity-chunk') {
    writer.varint(message.transferId).varint(message.index).bytes(message.bytes);
  } else if (message.type === 'picture-start' || message.type === 'picture-chunk') {
    writePicture(writer, message);
  } else {
    writer.bytes(packBody(bodyOf(message)));
  }
  if (writer.length > MAX_CONTROL_MESSAGE_BYTES) {
    throw new TypeError(`message: must be at most ${MAX_CONTROL_MESSAGE_BYTES} bytes`);
  }
  return writer.finish();
}

function bodyOf(
  message: Exclude<ControlMessage, { readonly type: BinaryType }>,
): Record<string, unknown> {
  const { type, ...fields } = message;
  const body: Record<string, unknown> = { ...fields };
  if ('version' in message) body.version = [message.version.major, message.version.minor];
  if ('message' in message) body.message = toOneLine(message.message, MAX_TEXT_BYTES);
  if (message.type === 'identity-offer') body.sha256 = hexToBytes(message.sha256);
  if (message.type === 'hello' || message.type === 'hello-ack') {
    delete body.terms;
    if (message.terms) {
      const { capabilities, pack, stream } = message.terms;
      Object.assign(body, {
        capabilities,
        pack: { name: pack.name, sha256: hexToBytes(pack.sha256) },
        stream,
      });
    }
  }
  return body;
}

/** Reads an untrusted message of the control channel. */
export function parseControlMessage(bytes: Uint8Array): Parsed<ControlMessage> {
  if (bytes.length === 0) return { ok: false, drop: 'truncated' };
  if (bytes.length > MAX_CONTROL_MESSAGE_BYTES) return { ok: false, drop: 'over-limit' };
  const type = TYPES.get(bytes[0]);
  if (type === undefined) return { ok: false, drop: 'unknown-type' };
  if (type === 'identity-chunk') return parseChunk(bytes);
  if (type === 'picture-start' || type === 'picture-chunk') return parsePictureMessage(type, bytes);
  const body = unpackBody(bytes.subarray(1));
  if (!body.ok) return body;
  const fields = new FieldReader(body.value);
  const value = readMessage(type, fields);
  return fields.drop === undefined ? { ok: true, value } : { ok: false, drop: fields.drop };
}

function parseChunk(message: Uint8Array): Parsed<IdentityChunkMessage> {
  const reader = new ByteReader(message);
  reader.u8();
  const transferId = reader.varint();
  const index = reader.varint();
  const bytes = reader.bytes(reader.remaining);
  if (reader.drop !== undefined) return { ok: false, drop: reader.drop };
  if (bytes.length === 0) return { ok: false, drop: 'truncated' };
  if (index >= MAX_CHUNKS || bytes.length > MAX_IDENTITY_CHUNK_BYTES) {
    return { ok: false, drop: 'over-limit' };
  }
  return { ok: true, value: { type: 'identity-chunk', transferId, index, bytes } };
}

function readMessage(
  type: Exclude<ControlMessage['type'], BinaryType>,
  fields: FieldReader,
): ControlMessage {
  const transferId = () => fields.integer('transferId', 0, MAX_U32);
  const clock = (key: string) => fields.number(key, -MAX_CLOCK_MS, MAX_CLOCK_MS);
  switch (type) {
    case 'hello':
    case 'hello-ack':
      return readHello(type, fields);
    case 'reject':
      return {
        type,
        version: readVersion(fields),
        code: fields.name('code'),
        message: fields.text('message'),
      };
    case 'identity-offer':
      return {
        type,
        transferId: transferId(),
        bytes: fields.integer('bytes', 1, MAX_IDENTITY_BYTES),
        sha256: fields.sha256('sha256'),
        chunkBytes: fields.integer(
          'chunkBytes',
          MIN_IDENTITY_CHUNK_BYTES,
          MAX_IDENTITY_CHUNK_BYTES,
        ),
        ...(fields.has('proof') && { proof: readProof(fields.map('proof')) }),
      };
    case 'identity-request':
      return {
        type,
        transferId: transferId(),
        have: fields.bytes('have', Math.ceil(MAX_CHUNKS / 8)),
      };
    case 'identity-ready':
      return { type, transferId: transferId() };
    case 'identity-refused':
      return {
        type,
        transferId: transferId(),
        code: fields.name('code'),
        message: fields.text('message'),
      };
    case 'picture-used':
      return { type, pictureId: fields.integer('pictureId', 0, MAX_U32) };
    case 'picture-refused':
      return {
        type,
        pictureId: fields.integer('pictureId', 0, MAX_U32),
        code: fields.name('code'),
        message: fields.text('message'),
      };
    case 'ping':
      return { type, sent: clock('sent') };
    case 'pong':
      return {
        type,
        sent: clock('sent'),
        received: clock('received'),
        replied: clock('replied'),
      };
    case 'stats':
      return { type, figures: fields.figures('figures') };
    case 'bye':
      return {
        type,
        reason: fields.name('reason'),
        message: fields.text('message'),
        figures: fields.figures('figures'),
      };
  }
}

function readVersion(fields: FieldReader): ProtocolVersion {
  const [major, minor] = fields.pair('version');
  return { major, minor };
}

function readHello(type: HelloMessage['type'], fields: FieldReader): HelloMessage {
  const version = readVersion(fields);
  const library = fields.name('library');
  const terms = version.major === PROTOCOL_VERSION.major ? readTerms(fields) : undefined;
  return { type, version, library, terms };
}

function readTerms(fields: FieldReader): SessionTerms {
  const capabilities = fields.map('capabilities');
  const pack = fields.map('pack');
  const stream = fields.map('stream');
  return {
    capabilities: {
      families: capabilities.names('families'),
      maxSize: capabilities.integer('maxSize', 1, 0xffff),
      features: capabilities.names('features'),
    },
    pack: { name: pack.name('name'), sha256: pack.sha256('sha256') },
    stream: {
      size: stream.integer('size', 1, 0xffff),
      fps: stream.number('fps', MIN_FPS, MAX_FPS),
      expressionComponents: stream.integer('expressionComponents', 0, MAX_EXPRESSION_COMPONENTS),
    },
  };
}
