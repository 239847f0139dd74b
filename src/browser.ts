/** visavis in a browser: all of `visavis`, with packs by URL, picture codec, channels and worker. */
export * from './index.js';
export { fetchPack } from './models/pack-fetch.js';
export { createBrowserPictureCodec } from './models/picture-codec-browser.js';
export { createWorkerDecoder, type WorkerLike } from './models/worker-decoder.js';
export { ConnectError, type ConnectErrorCode } from './transport/connect-error.js';
export {
  type AdaptedChannels,
  adaptDataChannels,
  createDataChannels,
  type DataChannelLike,
  type DataChannelPair,
  type PeerConnectionLike,
} from './transport/rtc-data-channel.js';
export type { Role, Signalling } from './transport/signalling.js';
export { type JoinRoomOptions, joinRoom } from './transport/signalling-client.js';
