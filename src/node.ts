/** visavis in Node: all of `visavis`, with packs on disk, a tracker, picture codec and WebRTC. */
export * from './index.js';
export { createDecoder } from './models/decoder-node.js';
export { openPack } from './models/pack-node.js';
export { openPersonalPack } from './models/personal-node.js';
export { createNodePictureCodec } from './models/picture-codec-node.js';
export { createFrameAnalyser } from './sender/frame-analyser-node.js';
export {
  type FaceTrackerOptions,
  type OpenedTracker,
  openFaceTracker,
} from './sender/trackers/open.js';
export { ConnectError, type ConnectErrorCode } from './transport/connect-error.js';
export type { Role, Signalling } from './transport/signalling.js';
export { type JoinRoomOptions, joinRoom } from './transport/signalling-client.js';
export {
  createSignallingServer,
  type SignallingServer,
  type SignallingServerOptions,
} from './transport/signalling-server.js';
export {
  type ConnectWeriftOptions,
  connectWerift,
  type IceServer,
  type WeriftCall,
} from './transport/werift.js';
export type { WireCounters, WireSeries } from './transport/wire-accounting.js';
