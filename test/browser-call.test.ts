import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { WebSocket } from 'ws';
import type { Role } from '../src/transport/signalling.js';
import { joinRoom } from '../src/transport/signalling-client.js';
import { createSignallingServer } from '../src/transport/signalling-server.js';
import { connectWerift } from '../src/transport/werift.js';
import { chromiumPath, describeNeeds, itNeeds } from './tools.js';

const script = fileURLToPath(new URL('support/browser-peer.ts', import.meta.url));
const MESSAGES = 20;

describeNeeds('chromium')('a call between Node and a browser', () => {
  let browser: Browser;
  let bundle: string;

  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [script],
      bundle: true,
      format: 'iife',
      globalName: 'peer',
      write: false,
    });
    bundle = outputFiles[0].text;
    browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
  });

  afterAll(() => browser.close());

  const itInBrowser = itNeeds('chromium');

  for (const role of ['sender', 'receiver'] as const) {
    const other: Role = role === 'sender' ? 'receiver' : 'sender';
    itInBrowser(`the browser is the ${other}`, async () => {
      const server = await createSignallingServer({ port: 0, host: '127.0.0.1' });
      const page = await browser.newPage();
      await page.evaluate(`${bundle}; globalThis.peer = peer`);
      const pageEnded = page.evaluate(`peer.echoCall('${server.url}', '${other}')`);
      const signalling = await joinRoom({ url: server.url, room: 'room', role, WebSocket });
      const { channels, close } = await connectWerift({ role, signalling });

      const control: number[] = [];
      let motion = 0;
      const echoed = new Promise<void>((resolve) => {
        channels.motion.onMessage = () => {
          motion += 1;
          if (motion === MESSAGES && control.length === MESSAGES) resolve();
        };
        channels.control.onMessage = ([first]) => {
          control.push(first);
          if (motion === MESSAGES && control.length === MESSAGES) resolve();
        };
      });
      for (let i = 0; i < MESSAGES; i++) {
        channels.control.send(new Uint8Array(16 * 1024).fill(i));
        channels.motion.send(new Uint8Array(50));
      }
      await echoed;
      expect(control).toEqual([...Array(MESSAGES).keys()]);
      await close();
      expect(await pageEnded).toBe('closed-by-peer');
      await server.close();
    });
  }
});
