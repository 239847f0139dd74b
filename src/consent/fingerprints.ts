/** What `readFingerprints` looks at: an RTCPeerConnection. */
export interface DescribedConnection {
  readonly localDescription: Description | null;
  readonly remoteDescription: Description | null;
  /** What holds while other descriptions are being negotiated. */
  readonly currentLocalDescription?: Description | null;
  readonly currentRemoteDescription?: Description | null;
}

interface Description {
  readonly sdp: string;
}

/** SHA-256 of the DTLS certificates of a connection's ends: 64 lower-case hexadecimal digits. */
export interface ConnectionFingerprints {
  readonly local: string;
  readonly remote: string;
}

const ATTRIBUTE = /^a=fingerprint:/i;
const SHA256_ATTRIBUTE = /^a=fingerprint:sha-256 ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})\s*$/i;

/**
 * The fingerprints in an RTCPeerConnection's descriptions (`a=fingerprint`, RFC 8122 §5), of the session
 * or of its media; undefined before both are there. Also undefined where an end names more than one
 * certificate (one for later counts), or another hash than SHA-256: the peer could show either, so that
 * nothing could be bound to it. Browsers name one, with SHA-256 (RFC 8827 §6.5).
 */
export function readFingerprints(
  connection: DescribedConnection,
): ConnectionFingerprints | undefined {
  const { currentLocalDescription, currentRemoteDescription } = connection;
  const local = onlyFingerprint(connection.localDescription, currentLocalDescription);
  const remote = onlyFingerprint(connection.remoteDescription, currentRemoteDescription);
  return local && remote ? { local, remote } : undefined;
}

function onlyFingerprint(
  ...descriptions: readonly (Description | null | undefined)[]
): string | undefined {
  const lines = descriptions.flatMap((description) => description?.sdp.split(/\r\n|\r|\n/) ?? []);
  const values = lines
    .filter((line) => ATTRIBUTE.test(line))
    .map((line) => SHA256_ATTRIBUTE.exec(line)?.[1].replaceAll(':', '').toLowerCase());
  return new Set(values).size === 1 ? values[0] : undefined;
}

/**
 * Tells, once, when a renegotiation leads the connection to another certificate: data channels may live
 * on with whoever holds that (Chromium's do), and nothing that was signed is for them, so that the call
 * must end. Returns what stops the watch.
 */
export function watchFingerprints(
  connection: DescribedConnection & EventTarget,
  signedFor: ConnectionFingerprints,
  onChange: () => void,
): () => void {
  const check = () => {
    const now = readFingerprints(connection);
    if (now?.local === signedFor.local && now.remote === signedFor.remote) return;
    stop();
    onChange();
  };
  const stop = () => connection.removeEventListener('signalingstatechange', check);
  connection.addEventListener('signalingstatechange', check);
  return stop;
}
