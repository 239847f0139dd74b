import { type DataChannelPair, TalkingHeadReceiver } from 'visavis/browser';

/** Shows the other side's talking head. `channels`: `incoming` of `createCallChannels`. */
export async function receiveFace(
  connection: RTCPeerConnection,
  channels: DataChannelPair,
  video: HTMLVideoElement,
): Promise<TalkingHeadReceiver> {
  const receiver = await TalkingHeadReceiver.create({ connection, channels });
  video.srcObject = new MediaStream([receiver.track]);
  return receiver;
}
