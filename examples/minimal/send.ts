import { type DataChannelPair, TalkingHeadSender } from 'visavis/browser';

/** Sends the person in a camera's picture. `channels`: `outgoing` of `createCallChannels`. */
export async function sendFace(
  connection: RTCPeerConnection,
  channels: DataChannelPair,
  camera: MediaStream,
): Promise<TalkingHeadSender> {
  const [track] = camera.getVideoTracks();
  return TalkingHeadSender.create({ track, connection, channels });
}
