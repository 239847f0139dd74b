/**
 * visavis in a page: tracks in, tracks out, over the page's own RTCPeerConnection. What it is made of
 * (sessions, packs, geometry) is in `visavis`, which runs in a page too.
 */
export type { StateChange } from './browser/events.js';
export type { TalkingHeadOptions } from './browser/options.js';
export type { TalkingHeadReceiverStats, TalkingHeadSenderStats } from './browser/stats.js';
export {
  TalkingHeadReceiver,
  type TalkingHeadReceiverEvents,
  type TalkingHeadReceiverOptions,
  type TalkingHeadReceiverState,
} from './browser/talking-head-receiver.js';
export {
  TalkingHeadSender,
  type TalkingHeadSenderEvents,
  type TalkingHeadSenderOptions,
  type TalkingHeadSenderState,
} from './browser/talking-head-sender.js';
export { WorkerError } from './browser/worker-link.js';
export { type KnownKey, type KnownKeys, openKnownKeys } from './consent/known-keys.js';
export type { SavedEnrolment } from './consent/saved-enrolment.js';
export type { AcceptedIdentity, Refusal } from './consent/verify.js';
export { fetchPack } from './models/pack-fetch.js';
export { createBrowserPictureCodec } from './models/picture-codec-browser.js';
export { InvalidStateError } from './protocol/errors.js';
export type { StreamSize } from './protocol/limits.js';
export type { Concealment, FrameOrigin } from './receiver/concealment.js';
export type { EnrolmentStatus } from './sender/live-enrolment.js';
export type { RateDecision, RateReason } from './sender/rate-control.js';
export type { RatePreset } from './sender/rate-presets.js';
export { ConnectError, type ConnectErrorCode } from './transport/connect-error.js';
export {
  type AdaptedChannels,
  adaptDataChannels,
  type CallSide,
  createCallChannels,
  createDataChannels,
  type DataChannelLike,
  type DataChannelPair,
  type DirectedChannels,
  type PeerConnectionLike,
} from './transport/rtc-data-channel.js';
export type { Role, Signalling } from './transport/signalling.js';
export { type JoinRoomOptions, joinRoom } from './transport/signalling-client.js';
export { VERSION } from './version.js';
export type { DecoderChoice, LabelPosition, LabelSettings } from './worker/messages.js';
