/** One side of a call in a browser page: sends back what it gets until the call ends. */
import {
  type AdaptedChannels,
  adaptDataChannels,
  createDataChannels,
} from '../../src/transport/rtc-data-channel.js';
import type { Role, SessionDescription } from '../../src/transport/signalling.js';
import { joinRoom } from '../../src/transport/signalling-client.js';

/** Resolves with the reason of the call's end. */
export async function echoCall(url: string, role: Role): Promise<string> {
  const signalling = await joinRoom({ url, room: 'room', role });
  const connection = new RTCPeerConnection();
  const adapted = adaptDataChannels(createDataChannels(connection));
  connection.onicecandidate = ({ candidate }) => {
    if (!candidate) return;
    const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    signalling.send({
      type: 'candidate',
      candidate: { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment },
    });
  };
  const describe = async () => {
    await connection.setLocalDescription();
    const description = connection.localDescription!.toJSON() as SessionDescription;
    signalling.send({ type: 'description', description });
  };
  signalling.onMessage = async (message) => {
    if (message.type === 'peer-joined' && role === 'sender') await describe();
    if (message.type === 'candidate') await connection.addIceCandidate(message.candidate);
    if (message.type === 'description') {
      await connection.setRemoteDescription(message.description);
      if (role === 'receiver') await describe();
    }
  };
  if (signalling.peerPresent && role === 'sender') await describe();
  await adapted.opened;
  echo(adapted);
  return new Promise((resolve) => {
    adapted.onEnd = resolve;
  });
}

function echo({ channels }: AdaptedChannels): void {
  for (const channel of [channels.control, channels.motion]) {
    channel.onMessage = (data) => channel.send(data);
  }
}
