/** The server of examples/browser-call, as `npm run call` starts it, and a network that can be cut. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

const SERVER = fileURLToPath(new URL('../../examples/browser-call/serve.mjs', import.meta.url));

export interface CallServer {
  /** What it prints: `http://localhost:PORT/`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it at a free port. The library must be built. */
export async function startCallServer(): Promise<CallServer> {
  const child = spawn(process.execPath, [SERVER, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const [url] = await Promise.race([
    once(child.stdout, 'data'),
    exit.then(([code]) => {
      throw new Error(`the call's server exited with ${code}: npm run build`);
    }),
  ]);
  return {
    url: String(url).trim(),
    async close() {
      child.kill();
      await exit;
    },
  };
}

/** A way to a server that can be cut. */
export interface Relay {
  /** The server's address by this way. */
  readonly url: string;
  /** While it is cut, nothing comes through, and nobody is told: as when a cable is out. */
  cut(isCut: boolean): void;
  close(): Promise<void>;
}

/** Opens another way to the server at `url`, on loopback. */
export async function openRelay(url: string): Promise<Relay> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (bytes) => to.write(bytes));
      if (isCut) from.pause();
    }
  });
  server.listen(0, hostname);
  await once(server, 'listening');
  return {
    url: `http://${hostname}:${(server.address() as AddressInfo).port}/`,
    cut(cut) {
      isCut = cut;
      for (const socket of sockets) {
        if (cut) socket.pause();
        else socket.resume();
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The network of a page that has its server by a relay. */
export interface Network {
  cut(isCut: boolean): Promise<void>;
}

/**
 * Takes hold of a page's network, before it makes a connection: DevTools' emulation loses every packet that
 * WebRTC sends and receives while offline, but lets WebSockets be, which the relay stops.
 */
export async function openNetwork(page: Page, relay: Relay): Promise<Network> {
  const session = await page.context().newCDPSession(page);
  const emulate = (offline: boolean) =>
    session.send('Network.emulateNetworkConditions', {
      offline,
      // Some emulation must be on when WebRTC's sockets are made, or they are none of its business.
      latency: 1,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
  await session.send('Network.enable');
  await emulate(false);
  return {
    async cut(isCut) {
      relay.cut(isCut);
      await emulate(isCut);
    },
  };
}
