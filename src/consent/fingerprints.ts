/** What `readFingerprints` looks at: an RTCPeerConnection. */
export interface DescribedConnection {
  readonly localDescription: { readonly sdp: string } | null;
  readonly remoteDescription: { readonly sdp: string } | null;
  /** What holds while another description is being negotiated. */
  readonly currentLocalDescription?: { readonly sdp: string } | null;
  readonly currentRemoteDescription?: { readonly sdp: string } | null;
}

/** SHA-256 of the DTLS certificates of a connection's ends: 64 lower-case hexadecimal digits. */
export interface ConnectionFingerprints {
  readonly local: string;
  readonly remote: string;
}

const ATTRIBUTE = /^a=fingerprint:/i;
const SHA256_ATTRIBUTE = /^a=fingerprint:sha-256 ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})\s*$/i;

/**
 * The fingerprints of an RTCPeerConnection's descriptions (`a=fingerprint`, RFC 8122 §5), of the session
 * or of its media; undefined before both are there. Also undefined where one of them names more than
 * one certificate, or another hash than SHA-256: the peer could show either, so that nothing could be
 * bound to it. Browsers name one, with SHA-256 (RFC 8827 §6.5).
 */
export function readFingerprints(
  connection: DescribedConnection,
): ConnectionFingerprints | undefined {
  const local = onlyFingerprint(connection.currentLocalDescription ?? connection.localDescription);
  const remote = onlyFingerprint(
    connection.currentRemoteDescription ?? connection.remoteDescription,
  );
  return local && remote ? { local, remote } : undefined;
}

function onlyFingerprint(description: { readonly sdp: string } | null): string | undefined {
  const lines = description?.sdp.split(/\r\n|\r|\n/).filter((line) => ATTRIBUTE.test(line)) ?? [];
  const values = lines.map((line) =>
    SHA256_ATTRIBUTE.exec(line)?.[1].replaceAll(':', '').toLowerCase(),
  );
  return new Set(values).size === 1 ? values[0] : undefined;
}
