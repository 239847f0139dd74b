import { sha256 as hashOf } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type {
  ControlMessage,
  IdentityChunkMessage,
  IdentityOfferMessage,
} from './control-messages.js';
import type { DropCode } from './errors.js';
import { type IdentityProof, sameProof } from './identity-proof.js';
import { MAX_IDENTITY_ATTEMPTS } from './limits.js';

/** How far the receiving side of an identity transfer is. */
export type IdentityReceiverStatus =
  | { readonly state: 'idle' }
  /** `received` of `bytes` are here, and stay so when the connection goes. */
  | { readonly state: 'receiving'; readonly received: number; readonly bytes: number }
  /** Complete, with the announced hash: waits for `accept` or `refuse`. The bytes are the caller's. */
  | {
      readonly state: 'complete';
      readonly identity: Uint8Array;
      readonly sha256: string;
      /** That of the offer, not verified. */
      readonly proof?: IdentityProof;
    }
  | { readonly state: 'accepted' }
  /** Refused by the caller, or given up (`hash-mismatch`, `incomplete`). */
  | { readonly state: 'refused'; readonly code: string; readonly message: string };

/**
 * The receiving side of identity transfers, sans IO. It outlives a connection: an offer of the same
 * identity on the next one goes on where the last one ended.
 */
export interface IdentityReceiver {
  readonly status: IdentityReceiverStatus;
  /** Takes a message of the sender. Gives the reason where it was dropped. */
  receive(message: ControlMessage): DropCode | undefined;
  /** The next message for the sender. */
  nextMessage(): ControlMessage | undefined;
  /** The caller uses this identity. Nothing happens where another offer came meanwhile. */
  accept(identity: Uint8Array): void;
  /** The caller cannot use this identity. Nothing happens where another offer came meanwhile. */
  refuse(identity: Uint8Array, code: string, message: string): void;
}

export function createIdentityReceiver(): IdentityReceiver {
  let status: IdentityReceiverStatus = { state: 'idle' };
  let outgoing: ControlMessage | undefined;
  let offer: IdentityOfferMessage | undefined;
  /** Allocated with the first chunk, so that an offer alone costs nothing. */
  let buffer: Uint8Array | undefined;
  let have = new Uint8Array(0);
  let missing = 0;
  let attempts = 0;
  /** Chunks of the last request that have not come. */
  let awaited = 0;

  const chunkCount = ({ bytes, chunkBytes }: IdentityOfferMessage) => Math.ceil(bytes / chunkBytes);

  function startOver(current: IdentityOfferMessage): void {
    have = new Uint8Array(Math.ceil(chunkCount(current) / 8));
    missing = chunkCount(current);
    status = { state: 'receiving', received: 0, bytes: current.bytes };
  }

  function refuse(transferId: number, code: string, message: string): void {
    buffer = undefined;
    status = { state: 'refused', code, message };
    outgoing = { type: 'identity-refused', transferId, code, message };
  }

  /** Asks for what is missing, or gives up with `code` where that was done often enough. */
  function request({ transferId }: IdentityOfferMessage, code: string, message: string): void {
    if (attempts >= MAX_IDENTITY_ATTEMPTS) {
      refuse(transferId, code, message);
      offer = undefined; // Another connection may try again.
      return;
    }
    attempts++;
    awaited = missing;
    outgoing = { type: 'identity-request', transferId, have: have.slice() };
  }

  function takeOffer(next: IdentityOfferMessage): void {
    // Chunks are of use whoever offers them; what was decided holds for the proof that it was shown.
    const same =
      offer?.sha256 === next.sha256 &&
      offer.bytes === next.bytes &&
      offer.chunkBytes === next.chunkBytes &&
      (status.state === 'receiving' || sameProof(offer.proof, next.proof));
    offer = next;
    attempts = 0;
    const { transferId } = next;
    if (same && status.state === 'complete') return;
    if (same && status.state === 'accepted') {
      outgoing = { type: 'identity-ready', transferId };
    } else if (same && status.state === 'refused') {
      refuse(transferId, status.code, status.message);
    } else {
      if (!same) {
        buffer = undefined;
        startOver(next);
      }
      request(next, 'incomplete', '');
    }
  }

  function takeChunk(
    current: IdentityOfferMessage,
    chunk: IdentityChunkMessage,
  ): DropCode | undefined {
    const { index, bytes } = chunk;
    const start = index * current.chunkBytes;
    const expected = Math.min(current.chunkBytes, current.bytes - start);
    const bit = 1 << (index & 7);
    if (index < chunkCount(current) && (have[index >> 3] & bit) !== 0) return 'duplicate';
    awaited--;
    if (bytes.length !== expected) {
      if (awaited <= 0) askForRest(current);
      return 'malformed';
    }
    buffer ??= new Uint8Array(current.bytes);
    buffer.set(bytes, start);
    have[index >> 3] |= bit;
    missing--;
    const received = status.state === 'receiving' ? status.received + bytes.length : 0;
    status = { state: 'receiving', received, bytes: current.bytes };
    if (missing === 0) return complete(current, buffer);
    if (awaited <= 0) askForRest(current);
    return undefined;
  }

  function askForRest(current: IdentityOfferMessage): void {
    request(current, 'incomplete', 'chunks of the identity were unusable: send it again');
  }

  function complete(current: IdentityOfferMessage, identity: Uint8Array): DropCode | undefined {
    if (bytesToHex(hashOf(identity)) === current.sha256) {
      buffer = undefined;
      const { sha256, proof } = current;
      status = { state: 'complete', identity, sha256, ...(proof && { proof }) };
      return undefined;
    }
    startOver(current);
    request(current, 'hash-mismatch', 'the identity arrived damaged each time: send it again');
    return 'hash-mismatch';
  }

  function decides(identity: Uint8Array): boolean {
    return status.state === 'complete' && status.identity === identity;
  }

  return {
    get status() {
      return status;
    },
    receive(message) {
      if (message.type === 'identity-offer') {
        takeOffer(message);
        return undefined;
      }
      if (message.type !== 'identity-chunk') return 'unexpected';
      if (offer?.transferId !== message.transferId) return 'unexpected';
      if (status.state !== 'receiving') return 'unexpected';
      return takeChunk(offer, message);
    },
    nextMessage() {
      const message = outgoing;
      outgoing = undefined;
      return message;
    },
    accept(identity) {
      if (!offer || !decides(identity)) return;
      status = { state: 'accepted' };
      outgoing = { type: 'identity-ready', transferId: offer.transferId };
    },
    refuse(identity, code, message) {
      if (offer && decides(identity)) refuse(offer.transferId, code, message);
    },
  };
}
