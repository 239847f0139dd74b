import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RTCPeerConnection } from 'werift';
import { waitForConsent } from '../src/transport/werift-ice.js';

/** RFC 7675 section 5.1. */
const CONSENT_MS = 30_000;

interface Options {
  readonly responseTimeout: number;
  readonly signal?: AbortSignal;
}

/** A protocol whose peer answers each request after so long, or never. */
function answering(afterMs: number | undefined) {
  return {
    request: (
      _message: unknown,
      _to: unknown,
      _key: unknown,
      { responseTimeout, signal }: Options,
    ) =>
      new Promise<unknown[]>((resolve, reject) => {
        if (afterMs !== undefined) setTimeout(() => resolve([]), afterMs);
        setTimeout(() => reject(new Error('no answer')), responseTimeout);
        signal?.addEventListener('abort', () => reject(new Error('given up')));
      }),
  };
}

let peer: RTCPeerConnection;
beforeEach(() => {
  vi.useFakeTimers();
  peer = new RTCPeerConnection({ iceServers: [] });
  peer.createDataChannel('any');
});
afterEach(async () => {
  vi.useRealTimers();
  await peer.close();
});

test.each([
  ['2 s of queue', 2_000, 'connected'],
  ['no answer', undefined, 'failed'],
])('consent after a quick beginning: %s', async (_, afterMs, state) => {
  const { connection } = peer.sctpTransport!.dtlsTransport.iceTransport;
  const protocol = answering(afterMs);
  waitForConsent(protocol as never);
  const pair = { id: 'any', protocol, rtt: 0.04, remoteAddr: ['192.0.2.1', 9], localCandidate: {} };
  Object.assign(connection, { nominated: pair, remotePassword: 'secret', state: 'connected' });
  Object.assign(connection, { buildRequest: () => ({}) });
  (connection as unknown as { queryConsent(): void }).queryConsent();
  await vi.advanceTimersByTimeAsync(2 * CONSENT_MS);
  expect(connection.state).toBe(state);
});
