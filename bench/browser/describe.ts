/**
 * Takes the other end's description, if any, and gives this end's with all candidates at once: the connection's
 * own time is bench/connect.ts's.
 */
export async function describe(
  connection: RTCPeerConnection,
  remote?: RTCSessionDescriptionInit,
): Promise<RTCSessionDescriptionInit> {
  if (remote) await connection.setRemoteDescription(remote);
  if (remote?.type === 'answer') return remote;
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== 'complete') {
    await new Promise((resolve) => {
      connection.onicegatheringstatechange = resolve;
    });
  }
  const { type, sdp } = connection.localDescription!;
  return { type, sdp };
}
