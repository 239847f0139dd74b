/** What TalkingHeadSender and TalkingHeadReceiver refuse to be made of, and in which words. */
import { type SavedEnrolment, TalkingHeadReceiver, TalkingHeadSender } from '../../src/browser.js';
import { createEnds, openCamera } from './talking-head-ends.js';

type Options = Readonly<Record<string, unknown>>;

const otherDevice: SavedEnrolment = {
  version: 1,
  identity: new Uint8Array(100),
  size: 256,
  key: new Uint8Array(32),
  signature: new Uint8Array(64),
};

/** Creates a sender or a receiver with these options in the place of good ones: the error, or 'created'. */
export async function refusal(which: 'sender' | 'receiver', options: Options): Promise<string> {
  const [{ connection, channels }] = createEnds();
  try {
    const made =
      which === 'sender'
        ? await TalkingHeadSender.create({
            track: await openCamera(),
            connection,
            channels: channels.outgoing,
            ...options,
          })
        : await TalkingHeadReceiver.create({
            connection,
            channels: channels.incoming,
            ...options,
          });
    await made.close();
    return 'created';
  } catch (error) {
    return String(error);
  } finally {
    connection.close();
  }
}

/** The same of tracks that are no live video, the last one no more when the worker has its models. */
export async function trackRefusals(): Promise<string[]> {
  const [ended, ending] = [(await openCamera()).clone(), (await openCamera()).clone()];
  const { stream } = new AudioContext().createMediaStreamDestination();
  ended.stop();
  setTimeout(() => ending.stop());
  const tracks = [ended, ...stream.getAudioTracks(), ending];
  return Promise.all(tracks.map((track) => refusal('sender', { track })));
}

/** The same of a worker whose script is not there. */
export const factoryRefusal = (): Promise<string> =>
  refusal('receiver', { worker: () => new Worker('nothing.js', { type: 'module' }) });

/** How a sender ends that is given an enrolment of another device. */
export async function otherEnrolment(): Promise<unknown> {
  const [{ connection, channels }] = createEnds();
  const track = await openCamera();
  const sender = await TalkingHeadSender.create({
    track,
    connection,
    channels: channels.outgoing,
    enrolment: otherDevice,
  });
  const { detail } = await new Promise<CustomEvent>((resolve) =>
    sender.addEventListener('statechange', resolve),
  );
  await sender.close();
  connection.close();
  return [detail, sender.state];
}
