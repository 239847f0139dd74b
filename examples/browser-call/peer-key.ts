/** Whose picture it is, as far as a key can say. */
import type { SavedEnrolment } from 'visavis/browser';
import type { PeerKey } from './talking-head.js';
import { byId } from './ui.js';

/** Groups of five digits, each 16 bits of the key's hash. */
const GROUPS = 4;

/** The first 64 bits of a SHA-256 as numbers that two people can read to each other. */
function numberOf(sha256: string): string {
  return Array.from({ length: GROUPS }, (_, i) =>
    String(Number.parseInt(sha256.slice(4 * i, 4 * i + 4), 16)).padStart(5, '0'),
  ).join(' ');
}

/** The number of this side's key. */
async function ownNumber({ key }: SavedEnrolment): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(key)));
  return numberOf(Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''));
}

/** Shows whether the peer's key was met before, and both numbers to compare. */
export async function showPeerKey(peer: PeerKey, own: SavedEnrolment): Promise<void> {
  const panel = byId('peer-key');
  panel.dataset.known = String(peer.known);
  panel.dataset.key = peer.key;
  const theirs = numberOf(peer.key);
  const yours = await ownNumber(own);
  byId('peer-key-text').textContent = acquaintance(peer, theirs === yours);
  byId('peer-number').textContent = theirs;
  byId('own-number').textContent = yours;
  byId('peer-key-numbers').hidden = false;
}

function acquaintance({ known, firstSeen }: PeerKey, isOwn: boolean): string {
  if (isOwn) return "It is this browser's own key: the other side is you, in another window.";
  if (!known) return 'First call with this key: read your number to them, and compare theirs.';
  const date = firstSeen.toLocaleDateString(undefined, { dateStyle: 'long' });
  return `You have met before, first on ${date}: it is the same key.`;
}

/** Before a key has come. */
export function forgetPeerKey(): void {
  const panel = byId('peer-key');
  delete panel.dataset.known;
  delete panel.dataset.key;
  byId('peer-key-text').textContent = "Waiting for the other side's key.";
  byId('peer-key-numbers').hidden = true;
}
