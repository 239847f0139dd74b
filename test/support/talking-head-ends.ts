/** A page's camera, and its connections with itself. */
import { createCallChannels, type DirectedChannels } from '../../src/browser.js';

/** One end of a connection. */
export interface End {
  readonly connection: RTCPeerConnection;
  readonly channels: DirectedChannels<RTCDataChannel>;
}

let camera: MediaStream | undefined;

/** The camera's track, always the same one. */
export async function openCamera(): Promise<MediaStreamTrack> {
  camera ??= await navigator.mediaDevices.getUserMedia({ video: true });
  return camera.getVideoTracks()[0];
}

/** Two ends, which `connectEnds` connects. */
export function createEnds(): [End, End] {
  const [caller, callee] = [new RTCPeerConnection(), new RTCPeerConnection()];
  caller.onicecandidate = ({ candidate }) => candidate && void callee.addIceCandidate(candidate);
  callee.onicecandidate = ({ candidate }) => candidate && void caller.addIceCandidate(candidate);
  return [
    { connection: caller, channels: createCallChannels(caller, 'caller') },
    { connection: callee, channels: createCallChannels(callee, 'callee') },
  ];
}

export async function connectEnds([{ connection: caller }, { connection: callee }]: [End, End]) {
  await caller.setLocalDescription();
  await callee.setRemoteDescription(caller.localDescription!);
  await callee.setLocalDescription();
  await caller.setRemoteDescription(callee.localDescription!);
}
