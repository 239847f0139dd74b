/** What the other side sees of this one: a call of the page with itself. */
import {
  createCallChannels,
  type SavedEnrolment,
  TalkingHeadReceiver,
  TalkingHeadSender,
} from 'visavis/browser';
import type { PageOptions } from './options.js';

/** A running loopback. */
export interface Loopback {
  readonly track: MediaStreamTrack;
  close(): void;
}

/**
 * Tracks, sends, receives and draws a second time, over two connections of this page: the sender of
 * the call shows nobody what becomes of its bytes. That is the same work again, so a small machine
 * does it when asked to, not by itself.
 */
export async function openLoopback(
  camera: MediaStreamTrack,
  enrolment: SavedEnrolment,
  options: PageOptions,
): Promise<Loopback> {
  const near = new RTCPeerConnection();
  const far = new RTCPeerConnection();
  const nearChannels = createCallChannels(near, 'caller');
  const farChannels = createCallChannels(far, 'callee');
  const created: { close(): Promise<void> }[] = [];
  const close = () => {
    for (const part of created) void part.close();
    near.close();
    far.close();
  };
  try {
    near.onicecandidate = ({ candidate }) => void far.addIceCandidate(candidate ?? undefined);
    far.onicecandidate = ({ candidate }) => void near.addIceCandidate(candidate ?? undefined);
    await near.setLocalDescription();
    await far.setRemoteDescription(near.localDescription!);
    await far.setLocalDescription();
    await near.setRemoteDescription(far.localDescription!);
    const receiver = await TalkingHeadReceiver.create({
      ...options.receiver,
      connection: far,
      channels: farChannels.incoming,
    });
    created.push(receiver);
    const sender = await TalkingHeadSender.create({
      ...options.sender,
      track: camera,
      connection: near,
      channels: nearChannels.outgoing,
      enrolment,
    });
    created.push(sender);
    return { track: receiver.track, close };
  } catch (error) {
    close();
    throw error;
  }
}
