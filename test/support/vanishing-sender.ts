/**
 * A sender that dies with half of the identity sent: `node --import tsx vanishing-sender.ts URL ROOM`.
 */
import sharp from 'sharp';
import { WebSocket } from 'ws';
import { CallSender } from '../../src/call-sender.js';
import { openPack } from '../../src/models/pack-node.js';
import { encodeIdentity } from '../../src/protocol/identity.js';
import { joinRoom } from '../../src/transport/signalling-client.js';
import { connectWerift } from '../../src/transport/werift.js';
import { syntheticFace } from '../synthetic-face.js';

const [url, room] = process.argv.slice(2);
const signalling = await joinRoom({ url, room, role: 'sender', WebSocket });
const { channels } = await connectWerift({ role: 'sender', signalling });
const face = syntheticFace();
// Noise does not compress: the picture is about 50 kB.
const side = 256;
const noise = Uint8Array.from(
  { length: side * side * 3 },
  (_, i) => Math.imul(i, 2654435761) >>> 24,
);
const picture = await sharp(noise, { raw: { width: side, height: side, channels: 3 } })
  .webp({ quality: 95 })
  .toBuffer();
const send = channels.control.send;
let messages = 0;
channels.control.send = (bytes) => {
  // Hello, the offer and two of the chunks, of 8 kB each.
  if (++messages <= 4) send.call(channels.control, bytes);
  else setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);
};
new CallSender({
  channels,
  pack: await openPack('warp'),
  identity: encodeIdentity({
    size: 256,
    neutral: face,
    references: [{ picture, landmarks: face }],
  }),
  fps: 25,
  framesPerPacket: 1,
  redundancy: 0,
  unpaced: false,
});
