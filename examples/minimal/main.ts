/** One side of a call: `?room=NAME`, and `&role=receiver` for the side that answers. */
import { createCallChannels, joinRoom } from 'visavis/browser';
import { negotiate } from './negotiate.js';
import { receiveFace } from './receive.js';
import { sendFace } from './send.js';

const query = new URLSearchParams(location.search);
const role = query.get('role') === 'receiver' ? 'receiver' : 'sender';

async function call(): Promise<void> {
  const connection = new RTCPeerConnection();
  const side = role === 'sender' ? 'caller' : 'callee';
  const { outgoing, incoming } = createCallChannels(connection, side);
  const camera = await navigator.mediaDevices.getUserMedia({ video: true });
  const sender = await sendFace(connection, outgoing, camera);
  const receiver = await receiveFace(connection, incoming, document.querySelector('video')!);

  const leave = async (why: string) => {
    say(why);
    await Promise.all([sender.close(), receiver.close()]);
    for (const track of camera.getTracks()) track.stop();
    connection.close();
  };
  receiver.addEventListener('statechange', ({ detail: { state, error } }) => {
    say(state);
    if (state === 'ended') void leave('The other side has left.');
    if (state === 'failed') void leave(error?.message ?? state);
  });
  connection.addEventListener('connectionstatechange', () => {
    if (connection.connectionState === 'failed') void leave('The connection is lost.');
  });
  addEventListener('pagehide', () => connection.close());

  say('Waiting for the other side.');
  const url = query.get('signal') ?? 'ws://127.0.0.1:8788';
  const signalling = await joinRoom({ url, room: query.get('room') ?? 'minimal', role });
  negotiate(connection, signalling, role);
}

function say(text: string): void {
  document.querySelector('output')!.textContent = text;
}

call().catch(({ message }: Error) => say(message));
