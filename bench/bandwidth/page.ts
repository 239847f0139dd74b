/** What bench/bandwidth.ts runs in each of its two pages. */

import { CHROMIUM_WIRE, type Landmarks, type RateOptions } from '../../src/index.js';
import { fetchPack } from '../../src/models/pack-fetch.js';
import { adaptDataChannels, createDataChannels } from '../../src/transport/rtc-data-channel.js';
import { describe } from '../browser/describe.js';
import { startReceiver, startSender } from './ends.js';

const connection = new RTCPeerConnection();
const adapted = adaptDataChannels(createDataChannels(connection));
let sender: Awaited<ReturnType<typeof startSender>> | undefined;
let receiver: ReturnType<typeof startReceiver> | undefined;

const fetched = async (path: string) => new Uint8Array(await (await fetch(path)).arrayBuffer());

const api = {
  describe: (remote?: RTCSessionDescriptionInit) => describe(connection, remote),
  async send(pack: string, track: string, fps: number, rate: RateOptions): Promise<void> {
    await adapted.opened;
    const [opened, identity, bytes] = await Promise.all([
      fetchPack(pack),
      fetched(`${track}.identity`),
      fetched(`${track}.frames`),
    ]);
    const [count, length] = new Uint32Array(bytes.buffer, 0, 2);
    const all = new Float32Array(bytes.buffer, 8);
    const frames: Landmarks[] = Array.from({ length: count }, (_, n) =>
      all.slice(n * length, (n + 1) * length),
    );
    const present = frames.map((frame) => (Number.isNaN(frame[0]) ? undefined : frame));
    const setup = { pack: opened, identity, frames: present, fps, rate, wire: CHROMIUM_WIRE };
    sender = await startSender(adapted.channels, setup);
  },
  async receive(pack: string): Promise<void> {
    await adapted.opened;
    receiver = startReceiver(adapted.channels, await fetchPack(pack));
  },
  read: () => ({
    sent: sender?.stats(),
    received: receiver?.stats(),
    latencies: receiver?.takeLatencies() ?? [],
  }),
  close(): void {
    sender?.stop();
    connection.close();
  },
};

export type BandwidthPage = typeof api;
Object.assign(globalThis, { bandwidth: api });
