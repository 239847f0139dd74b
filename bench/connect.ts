/**
 * What a call costs before and below its payload: connect time, also on bad networks, bytes on the wire for each small
 * message, throughput of the reliable channel, time to notice a killed peer, and how the wire
 * counters compare with the kernel's.
 *
 *   npx tsx bench/connect.ts
 *
 * The kernel counts all processes: for an exact comparison, run it where no other traffic is:
 *
 *   unshare -rn sh -c 'ip link set lo up; npx tsx bench/connect.ts'
 */
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import type { CloseReason, DatagramPipe } from '../src/transport/channel.js';
import type { Role } from '../src/transport/signalling.js';
import { joinRoom } from '../src/transport/signalling-client.js';
import { createSignallingServer } from '../src/transport/signalling-server.js';
import type { SimulatedLinkOptions } from '../src/transport/simulated-link.js';
import { connectWerift, type WeriftCall } from '../src/transport/werift.js';
import { startChildPeer } from '../test/support/child-peer.js';
import { createSignallingPair } from '../test/support/signalling-pair.js';

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function connectedPair(): Promise<[WeriftCall, WeriftCall]> {
  const [left, right] = createSignallingPair();
  return Promise.all([
    connectWerift({ role: 'sender', signalling: left }),
    connectWerift({ role: 'receiver', signalling: right }),
  ]);
}

async function connectTimes(runs: number): Promise<void> {
  const server = await createSignallingServer({ port: 0, host: '127.0.0.1' });
  const join = (role: Role) => joinRoom({ url: server.url, room: 'bench', role, WebSocket });
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const [left, right] = await Promise.all([join('sender'), join('receiver')]);
    const start = performance.now();
    const calls = await Promise.all([
      connectWerift({ role: 'sender', signalling: left }),
      connectWerift({ role: 'receiver', signalling: right }),
    ]);
    times.push(performance.now() - start);
    for (const call of calls) await call.close();
  }
  await server.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(runs - 1, Math.floor(share * runs))].toFixed(0);
  console.log(`connect, ${runs} runs: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`);
}

/** Many at once, each with a network of its own. */
async function connectOnBadNetworks(runs: number): Promise<void> {
  const networks: Record<string, Omit<SimulatedLinkOptions, 'seed'>> = {
    'loss 10 %': { delayMs: 20, loss: 0.1 },
    'bursts 5 % of 4': {
      delayMs: 20,
      burstLoss: { enterBad: (0.25 * 0.05) / 0.95, leaveBad: 0.25, lossGood: 0, lossBad: 1 },
    },
    'reorder 10 % by 60 ms': { reorder: { probability: 0.1, byMs: 60 } },
    'duplicate 10 %': { delayMs: 20, duplicate: 0.1 },
  };
  for (const [name, network] of Object.entries(networks)) {
    const attempt = async (seed: number) => {
      const [left, right] = createSignallingPair();
      const start = performance.now();
      const calls = await Promise.allSettled([
        connectWerift({ role: 'sender', signalling: left, outgoingLink: { ...network, seed } }),
        connectWerift({
          ...{ role: 'receiver', signalling: right },
          outgoingLink: { ...network, seed: seed + 1 },
        }),
      ]);
      const ms = performance.now() - start;
      const open = calls.filter((call) => call.status === 'fulfilled');
      await Promise.all(open.map(({ value }) => value.close()));
      return open.length === 2 ? ms : undefined;
    };
    const attempts = await Promise.all(Array.from({ length: runs }, (_, i) => attempt(2 * i)));
    const times = attempts.filter((ms) => ms !== undefined).sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(share * (times.length - 1))]?.toFixed(0) ?? '-';
    console.log(
      `connect, ${name}: ${times.length} of ${runs}, p50 ${at(0.5)} ms, p90 ${at(0.9)} ms`,
    );
  }
}

async function messageCost(perSecond: number, bytes: number): Promise<void> {
  const [sender, receiver] = await connectedPair();
  await sleep(500);
  const messages = 4 * perSecond;
  const forward = sender.wire.sentBytes;
  const backward = receiver.wire.sentBytes;
  for (let i = 0; i < messages; i++) {
    sender.channels.motion.send(new Uint8Array(bytes));
    await sleep(1_000 / perSecond);
  }
  await sleep(300);
  const each = (count: number) => (count / messages).toFixed(1);
  const sent = sender.wire.sentBytes - forward;
  const answered = receiver.wire.sentBytes - backward;
  console.log(
    `motion of ${bytes} B at ${perSecond}/s: ${each(sent)} B forward, ` +
      `${each(answered)} B backward a message`,
  );
  await sender.close();
}

async function throughput(totalBytes: number): Promise<void> {
  const [sender, receiver] = await connectedPair();
  const { control } = sender.channels;
  let received = 0;
  const done = new Promise<void>((resolve) => {
    receiver.channels.control.onMessage = (data) => {
      received += data.length;
      if (received >= totalBytes) resolve();
    };
  });
  const start = performance.now();
  await sendAll(control, totalBytes);
  await done;
  const seconds = (performance.now() - start) / 1_000;
  const megabits = (totalBytes * 8) / 1e6 / seconds;
  const overhead = (100 * sender.wire.sentBytes) / totalBytes - 100;
  console.log(
    `control, ${totalBytes / 1_000} kB in 16 KiB messages: ${(1_000 * seconds).toFixed(0)} ms, ` +
      `${megabits.toFixed(1)} Mbit/s, wire overhead ${overhead.toFixed(1)} %`,
  );
  await sender.close();
}

/** Keeps at most 64 KiB in the channel, as the identity transfer does. */
async function sendAll(channel: DatagramPipe, totalBytes: number): Promise<void> {
  for (let left = totalBytes; left > 0; ) {
    while (channel.bufferedAmount > 64 * 1024) await new Promise(setImmediate);
    const size = Math.min(left, 16 * 1024);
    channel.send(new Uint8Array(size));
    left -= size;
  }
}

async function timeToNotice(killSignallingFirst: boolean): Promise<void> {
  const server = await createSignallingServer({ port: 0, host: '127.0.0.1' });
  const child = startChildPeer('sender', server.url);
  const signalling = await joinRoom({
    url: server.url,
    room: 'room',
    role: 'receiver',
    WebSocket,
  });
  const call = await connectWerift({ role: 'receiver', signalling });
  await child.line('open');
  if (killSignallingFirst) await server.close();
  await sleep(500);
  const ended = new Promise<CloseReason>((resolve) => {
    call.onClose = resolve;
  });
  const start = performance.now();
  child.process.kill('SIGKILL');
  const reason = await ended;
  const how = killSignallingFirst ? 'by its silence' : 'with signalling';
  console.log(`killed peer, ${how}: ${reason} after ${(performance.now() - start).toFixed(0)} ms`);
  await call.close();
  await server.close();
}

/** Datagrams and IP bytes sent by this network namespace (RFC 4113, RFC 4293). */
function kernelCounters(): { datagrams: number; bytes: number } {
  const field = (path: string, group: string, name: string) => {
    const rows = readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`${group}: `))
      .map((line) => line.split(' '));
    return Number(rows[1][rows[0].indexOf(name)]);
  };
  return {
    datagrams: field('/proc/net/snmp', 'Udp', 'OutDatagrams'),
    bytes: field('/proc/net/netstat', 'IpExt', 'OutOctets'),
  };
}

async function compareWithKernel(): Promise<void> {
  const before = kernelCounters();
  const [sender, receiver] = await connectedPair();
  await sendAll(sender.channels.control, 200_000);
  for (let i = 0; i < 50; i++) {
    sender.channels.motion.send(new Uint8Array(50));
    await sleep(20);
  }
  await sender.close();
  await sleep(300);
  const kernel = kernelCounters();
  const calls = [sender.wire, receiver.wire];
  const packets = calls.reduce((sum, { sentPackets }) => sum + sentPackets, 0);
  const bytes = calls.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  console.log(
    `sent, wire counters: ${packets} datagrams, ${bytes} B; ` +
      `kernel: ${kernel.datagrams - before.datagrams} datagrams, ` +
      `${kernel.bytes - before.bytes} B of all IP`,
  );
}

await compareWithKernel();
await connectTimes(20);
await connectOnBadNetworks(24);
await messageCost(12.5, 50);
await messageCost(25, 50);
await throughput(200_000);
await throughput(4_000_000);
await timeToNotice(false);
await timeToNotice(true);
