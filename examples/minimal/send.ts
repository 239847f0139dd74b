import {
  type CallChannels,
  CallSender,
  callClock,
  createFrameAnalyser,
  type EnrolmentFrame,
  enrol,
  type Pack,
  type PictureCodec,
  toCropUnits,
} from 'visavis';

/**
 * Enrols the person of the `first` frames (a second of them, say) and sends their face until `frames`
 * end, each as it is captured, 25 a second; resolves when the receiver has shown the last. In Node
 * and browsers alike: what differs is where channels, pack, codec and frames come from.
 */
export async function sendFace(
  { channels, pack, codec }: { channels: CallChannels; pack: Pack; codec: PictureCodec },
  first: readonly EnrolmentFrame[],
  frames: AsyncIterable<EnrolmentFrame>,
): Promise<void> {
  const { identity, crop } = await enrol(first, { size: 256, references: 4, codec });
  const stream = { fps: 25, framesPerPacket: 3, redundancy: 0, unpaced: false };
  const sender = new CallSender({ channels, pack, identity, ...stream });
  const analyser = await createFrameAnalyser({ pack, identity, codec });
  await sender.ready();
  for await (const { picture, landmarks } of frames) {
    const square = crop.follow(landmarks);
    const face = toCropUnits(landmarks, square);
    sender.sendFrame(analyser.analyse(picture, square, face), callClock());
  }
  sender.end();
  await sender.closed();
}
