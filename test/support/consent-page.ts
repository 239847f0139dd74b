/** What test/consent-browser.test.ts does in a page and in a worker. */
import {
  openDeviceKey,
  openKnownKeys,
  readFingerprints,
  signIdentity,
  watchFingerprints,
} from '../../src/index.js';

/** The device's key, and whether its private half can be had from the store. */
export async function device() {
  const { algorithm, fingerprint, publicKey } = await openDeviceKey();
  return { algorithm, fingerprint, publicKey: [...publicKey], extractable: await extractable() };
}

/** What the store gives to anybody of the origin. */
function extractable(): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('visavis');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const values = opening.result.transaction('consent').objectStore('consent');
      const reading = values.get('device-key');
      reading.onsuccess = () => {
        opening.result.close();
        resolve((reading.result as { privateKey: CryptoKey }).privateKey.extractable);
      };
    };
  });
}

/** The fingerprints of the key as `count` callers get it at once. */
export async function atOnce(count: number): Promise<string[]> {
  const keys = await Promise.all(Array.from({ length: count }, () => openDeviceKey()));
  return keys.map(({ fingerprint }) => fingerprint);
}

/** What `device` is in a worker. */
export function deviceInWorker(): Promise<unknown> {
  const worker = new Worker('worker.js', { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  }).finally(() => worker.terminate());
}

/** Length of a signature, and that of the identity's proof. */
export async function proofLengths(): Promise<number[]> {
  const key = await openDeviceKey();
  const fingerprints = { sender: 'ab'.repeat(32), receiver: 'cd'.repeat(32) };
  const { publicKey, signature } = await signIdentity(key, Uint8Array.of(1, 2), fingerprints);
  return [publicKey.length, signature.length];
}

/** What becomes of a key that shows something; times as numbers. */
export async function meet(key: string, hashes: string[]) {
  const remembered = await openKnownKeys().remember(key, hashes);
  if ('owner' in remembered) return remembered;
  return { known: remembered.known, firstSeen: remembered.firstSeen.getTime() };
}

export async function knownKeys(): Promise<string[]> {
  return (await openKnownKeys().list()).map(({ key }) => key);
}

async function connect(ours: RTCPeerConnection, theirs: RTCPeerConnection): Promise<void> {
  ours.onicecandidate = ({ candidate }) => candidate && void theirs.addIceCandidate(candidate);
  theirs.onicecandidate = ({ candidate }) => candidate && void ours.addIceCandidate(candidate);
  await ours.setLocalDescription(await ours.createOffer({ iceRestart: true }));
  await theirs.setRemoteDescription(ours.localDescription!);
  await theirs.setLocalDescription();
  await ours.setRemoteDescription(theirs.localDescription!);
}

const opened = (channel: RTCDataChannel) =>
  new Promise<void>((resolve) => {
    channel.onopen = () => resolve();
  });

/** A connection whose other end is exchanged while its data channel is open. */
export async function handover() {
  const [ours, alice, mallory] = Array.from({ length: 3 }, () => new RTCPeerConnection());
  const options = { negotiated: true, id: 0 };
  const channel = ours.createDataChannel('control', options);
  for (const other of [alice, mallory]) other.createDataChannel('control', options);
  const before = readFingerprints(ours);
  await Promise.all([opened(channel), connect(ours, alice)]);
  const withAlice = readFingerprints(ours)!;
  const mirrored = readFingerprints(alice);
  let told = 0;
  watchFingerprints(ours, withAlice, () => told++);
  await connect(ours, alice);
  const afterRestart = told;
  await connect(ours, mallory);
  const withMallory = readFingerprints(ours);
  for (const connection of [ours, alice, mallory]) connection.close();
  return { before, withAlice, mirrored, withMallory, afterRestart, told };
}

if (typeof document === 'undefined') void device().then(postMessage);
