/** The page: shows whoever sends into the room, `?signal=URL&room=NAME`. */
import { joinRoom } from 'visavis/browser';
import { negotiate } from './negotiate.js';
import { receiveFace } from './receive.js';

const query = new URLSearchParams(location.search);
const status = document.querySelector('output')!;
try {
  const connection = new RTCPeerConnection();
  const worker = new Worker('worker.js', { type: 'module' });
  const over = receiveFace(connection, document.querySelector('canvas')!, worker);
  const signalling = await joinRoom({
    url: query.get('signal') ?? 'ws://127.0.0.1:8788',
    room: query.get('room') ?? 'minimal',
    role: 'receiver',
  });
  negotiate(connection, signalling, 'receiver');
  await over;
  connection.close();
  status.textContent = 'The call has ended.';
} catch (error) {
  status.textContent = (error as Error).message;
}
