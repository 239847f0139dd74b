/** The platform-free part of visavis: calls, sessions, packs, geometry. */

export { CallError, callClock } from './call.js';
export {
  CallReceiver,
  type CallReceiverOptions,
  type CallReceiverStats,
  type IdentityRefusal,
  type ShownPicture,
} from './call-receiver.js';
export { CallSender, type CallSenderOptions } from './call-sender.js';
export { type DeviceKey, openDeviceKey } from './consent/device-key.js';
export {
  type ConnectionFingerprints,
  type DescribedConnection,
  readFingerprints,
  watchFingerprints,
} from './consent/fingerprints.js';
export {
  type KnownKey,
  type KnownKeys,
  openKnownKeys,
  type Remembered,
} from './consent/known-keys.js';
export { type SavedEnrolment, signEnrolment, verifyEnrolment } from './consent/saved-enrolment.js';
export {
  type CallFingerprints,
  type SignedPicture,
  signIdentity,
  signPicture,
} from './consent/sign.js';
export { type ConsentStore, createMemoryStore } from './consent/store.js';
export {
  type AcceptedIdentity,
  createIdentityVerifier,
  type IdentityVerifierOptions,
  type Refusal,
} from './consent/verify.js';
export { createPictureVerifier, type JudgedPicture } from './consent/verify-picture.js';
export { CROP_UNITS, type Landmarks, POINT_COUNT } from './geometry/landmarks.js';
export { createPicture, type Picture } from './geometry/picture.js';
export { resampleSquare } from './geometry/resample.js';
export type {
  DecoderIdentity,
  DecoderOptions,
  DecoderReference,
  FaceDecoder,
} from './models/decoder.js';
export { createDecoder } from './models/families/index.js';
export {
  loadPack,
  type Pack,
  PackError,
  type PackManifest,
  type ReadPackFile,
} from './models/pack.js';
export { personalPack } from './models/personal.js';
export type { PictureCodec } from './models/picture-codec.js';
export { InvalidStateError } from './protocol/errors.js';
export type { IdentityReference } from './protocol/identity.js';
export type {
  IdentityProof,
  ProofAlgorithm,
  TransferredIdentity,
} from './protocol/identity-proof.js';
export type { SessionStatus } from './protocol/session-status.js';
export type { Concealment, FrameOrigin } from './receiver/concealment.js';
export type {
  OfferedPicture,
  PictureCounts,
  PictureReceiver,
} from './receiver/picture-receiver.js';
export type { PresentedFrame } from './receiver/presented-frame.js';
export {
  type OfferedIdentity,
  ReceiverSession,
  type ReceiverSessionOptions,
  type ReceiverStats,
} from './receiver/session.js';
export {
  type CoarseIdentityOptions,
  coarseIdentity,
  codedIdentity,
} from './sender/coarse-identity.js';
export { type CropSquare, HeadCrop, toCropUnits } from './sender/crop.js';
export {
  type Enrolment,
  type EnrolmentFrame,
  type EnrolmentOptions,
  enrol,
} from './sender/enrolment.js';
export {
  createFrameAnalyser,
  type FrameAnalyser,
  type FrameAnalyserOptions,
  type FrameAnalysis,
} from './sender/frame-analyser.js';
export {
  type KeptFrame,
  PictureKeeper,
  type PictureKeeperOptions,
  type PictureKeeperStats,
} from './sender/picture-keeper.js';
export type { PicturePort, PictureReport, ReferenceUpdate } from './sender/picture-port.js';
export type { PictureSender } from './sender/picture-sender.js';
export type { RateDecision, RateReason } from './sender/rate-control.js';
export {
  CHROMIUM_WIRE,
  type MotionSettings,
  WERIFT_WIRE,
  type WireProfile,
} from './sender/rate-model.js';
export type { RateOptions, RatePreset } from './sender/rate-presets.js';
export {
  SenderSession,
  type SenderSessionOptions,
  type SenderStats,
} from './sender/session.js';
export type { FaceTracker, TrackedFace } from './sender/tracker.js';
export type { CallChannels, CloseReason, DatagramPipe } from './transport/channel.js';
export {
  createSimulatedLink,
  type Delivery,
  type GilbertElliott,
  type SimulatedLink,
  type SimulatedLinkOptions,
  type SimulatedLinkStats,
} from './transport/simulated-link.js';
export { VERSION } from './version.js';
