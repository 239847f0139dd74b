/**
 * One side of a call as a process of its own: `node --import tsx call-peer.ts ROLE URL`. The sender
 * says motion every 20 ms; the receiver listens. Prints 'open', then 'closed REASON', and is to
 * exit by itself.
 */
import { WebSocket } from 'ws';
import type { Role } from '../../src/transport/signalling.js';
import { joinRoom } from '../../src/transport/signalling-client.js';
import { connectWerift } from '../../src/transport/werift.js';

const [role, url] = process.argv.slice(2) as [Role, string];
const signalling = await joinRoom({ url, room: 'room', role, WebSocket });
const call = await connectWerift({ role, signalling });
const timer = setInterval(() => {
  if (role === 'sender') call.channels.motion.send(new Uint8Array(50));
}, 20);
call.onClose = (reason) => {
  clearInterval(timer);
  console.log(`closed ${reason}`);
};
call.channels.motion.onMessage = () => {
  call.channels.motion.onMessage = undefined;
  console.log('open');
};
if (role === 'sender') console.log('open');
