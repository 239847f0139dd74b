import { describe, expect, it, vi } from 'vitest';
import { RTCPeerConnection } from 'werift';
import {
  type ConnectionFingerprints,
  readFingerprints,
  watchFingerprints,
} from '../src/consent/fingerprints.js';

describe('fingerprints of a connection', () => {
  const [A, B] = ['AB', '0C'].map((byte) => Array(32).fill(byte).join(':'));
  const [a, b] = ['ab', '0c'].map((byte) => byte.repeat(32));
  const session = (...lines: string[]) => ({ sdp: ['v=0', ...lines, ''].join('\r\n') });
  const media = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel';
  const localDescription = session(media, `a=fingerprint:sha-256 ${A}`);
  const withRemote = (...lines: string[]) =>
    readFingerprints({ localDescription, remoteDescription: session(...lines) });

  it.each<[string, string[]]>([
    ['of the media', [media, `a=fingerprint:sha-256 ${B}`]],
    ['of the session', [`a=fingerprint:sha-256 ${B}`, media]],
    ['in lower case', [media, `a=fingerprint:SHA-256 ${B.toLowerCase()}`]],
    [
      'of session and all media alike',
      [`a=fingerprint:sha-256 ${B}`, media, `a=fingerprint:sha-256 ${B}`, 'm=audio 9'],
    ],
  ])('are read %s', (_name, lines) => {
    expect(withRemote(...lines)).toEqual({ local: a, remote: b });
  });

  it.each<[string, string[]]>([
    ['none', [media]],
    ['two certificates', [`a=fingerprint:sha-256 ${A}`, media, `a=fingerprint:sha-256 ${B}`]],
    ['another hash', [media, `a=fingerprint:sha-1 ${B.slice(0, 59)}`]],
    [
      'another hash beside',
      [media, `a=fingerprint:sha-256 ${B}`, `a=fingerprint:sha-512 ${A}:${A}`],
    ],
    ['too short a one', [media, `a=fingerprint:sha-256 ${B.slice(3)}`]],
    ['too long a one', [media, `a=fingerprint:sha-256 ${B}:0C`]],
    ['one that is no hexadecimal', [media, `a=fingerprint:sha-256 ${B.replace('0C', 'XY')}`]],
    ['one in another line', [media, `i=a=fingerprint:sha-256 ${B}`]],
  ])('are none with %s', (_name, lines) => {
    expect(withRemote(...lines)).toBeUndefined();
  });

  it('are none before both ends are described', () => {
    const [described, nothing] = [localDescription, null];
    for (const [one, other] of [
      [described, nothing],
      [nothing, described],
      [nothing, nothing],
    ]) {
      const connection = { localDescription: one, remoteDescription: other };
      expect(readFingerprints(connection)).toBeUndefined();
    }
  });

  /** A connection that is being negotiated again; `pending`: the certificate offered. */
  class Renegotiated extends EventTarget {
    localDescription = localDescription;
    currentLocalDescription = localDescription;
    currentRemoteDescription = session(`a=fingerprint:sha-256 ${B}`);
    remoteDescription = this.currentRemoteDescription;
    offer(pending: string) {
      this.remoteDescription = session(`a=fingerprint:sha-256 ${pending}`);
      this.dispatchEvent(new Event('signalingstatechange'));
    }
  }

  it('are none while another certificate is being negotiated, and that is told once', () => {
    const connection = new Renegotiated();
    const signedFor = readFingerprints(connection) as ConnectionFingerprints;
    expect(signedFor).toEqual({ local: a, remote: b });
    const [onChange, unwatched] = [vi.fn(), vi.fn()];
    watchFingerprints(connection, signedFor, onChange);
    watchFingerprints(connection, signedFor, unwatched)();
    connection.offer(B);
    expect(readFingerprints(connection)).toEqual(signedFor);
    expect(onChange).not.toHaveBeenCalled();
    connection.offer(A);
    connection.offer(A);
    expect(readFingerprints(connection)).toBeUndefined();
    expect(onChange).toHaveBeenCalledTimes(1);
    expect(unwatched).not.toHaveBeenCalled();
  });

  it('of werift are the same from both sides', async () => {
    const [ours, theirs] = [new RTCPeerConnection(), new RTCPeerConnection()];
    ours.createDataChannel('control');
    await ours.setLocalDescription(await ours.createOffer());
    await theirs.setRemoteDescription(ours.localDescription!);
    await theirs.setLocalDescription(await theirs.createAnswer());
    await ours.setRemoteDescription(theirs.localDescription!);
    const seen = readFingerprints(ours)!;
    expect(seen.local).toMatch(/^[0-9a-f]{64}$/);
    expect(readFingerprints(theirs)).toEqual({ local: seen.remote, remote: seen.local });
    await Promise.all([ours.close(), theirs.close()]);
  });
});
