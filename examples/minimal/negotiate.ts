import type { Role, Signalling } from 'visavis/browser';

/**
 * Connects to the other side of a room of `npx visavis signal`: the sender offers. Create the
 * channels first. An app with signalling of its own has done this already.
 */
export function negotiate(connection: RTCPeerConnection, signalling: Signalling, role: Role): void {
  const describe = async () => {
    await connection.setLocalDescription();
    const { type, sdp } = connection.localDescription as { type: 'offer' | 'answer'; sdp: string };
    signalling.send({ type: 'description', description: { type, sdp } });
  };
  connection.onicecandidate = ({ candidate: found }) => {
    if (!found) return;
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = found;
    const message = { candidate, sdpMid, sdpMLineIndex, usernameFragment };
    signalling.send({ type: 'candidate', candidate: message });
  };
  signalling.onMessage = async (message) => {
    if (message.type === 'peer-joined' && role === 'sender') await describe();
    if (message.type === 'candidate') await connection.addIceCandidate(message.candidate);
    if (message.type === 'description') {
      await connection.setRemoteDescription(message.description);
      if (role === 'receiver') await describe();
    }
  };
  if (signalling.peerPresent && role === 'sender') void describe();
}
