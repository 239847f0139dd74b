export * from './bytes.js';
export * from './clock.js';
export * from './control-codec.js';
export * from './control-messages.js';
export * from './errors.js';
export { type Feedback, parseFeedback, serialiseFeedback } from './feedback.js';
export * from './handshake.js';
export type { AgreedStream, Agreement, HandshakeFailureCode } from './handshake-agreement.js';
export type { ReceiverHandshakeOptions, SenderHandshakeOptions } from './handshake-options.js';
export * from './identity.js';
export * from './identity-proof.js';
export * from './identity-receiver.js';
export * from './identity-sender.js';
export * from './limits.js';
export { MAX_VALUE as MAX_MOTION_VALUE, type MotionState, stateDigest } from './motion-codec.js';
export { MotionDepacketizer, type ReceivedFrame } from './motion-depacketizer.js';
export {
  type MotionMessage,
  type MotionPacket,
  parseMotion,
  serialiseMotion,
} from './motion-packet.js';
export { MotionPacketizer, type PacketizerOptions } from './motion-packetizer.js';
export { type MotionTables, parseTables, serialiseTables } from './motion-tables.js';
export { type Outgoing, PERSONAL, PICTURES, STRIDE, UNPACED } from './outgoing.js';
export {
  type PersonalDifferences,
  parsePersonal,
  serialisePersonal,
  type WeightDifference,
} from './personal.js';
export * from './picture-proof.js';
export * from './picture-update.js';
export type { CumulativeTable } from './range-coder.js';
