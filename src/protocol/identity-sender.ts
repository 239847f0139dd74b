import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ControlMessage } from './control-messages.js';
import type { DropCode } from './errors.js';
import type { IdentityProof } from './identity-proof.js';
import {
  IDENTITY_CHUNK_BYTES,
  MAX_BUFFERED_IDENTITY_BYTES,
  MAX_IDENTITY_ATTEMPTS,
  MAX_IDENTITY_BYTES,
} from './limits.js';

/** How far the sending side of an identity transfer is. */
export type IdentitySenderStatus =
  | { readonly state: 'idle' }
  /** The receiver has not yet said what it lacks. */
  | { readonly state: 'offered' }
  /** `chunksLeft` of `chunks` are still to be handed to the channel; 0 while it verifies. */
  | { readonly state: 'sending'; readonly chunksLeft: number; readonly chunks: number }
  /** The receiver has it and uses it. */
  | { readonly state: 'ready' }
  /** The receiver refused it, or asked too often (`too-many-requests`). */
  | { readonly state: 'failed'; readonly code: string; readonly message: string };

/** The sending side of identity transfers, sans IO. */
export interface IdentitySender {
  readonly status: IdentitySenderStatus;
  /**
   * Offers an identity of 1–`MAX_IDENTITY_BYTES`, in place of the one before, with its proof for this
   * connection; the bytes are kept.
   */
  offer(identity: Uint8Array, proof?: IdentityProof): void;
  /** To be called on a new connection: offers the identity again; the receiver says what it has. */
  reconnected(): void;
  /** Takes a message of the receiver. Gives the reason where it was dropped. */
  receive(message: ControlMessage): DropCode | undefined;
  /** The next message, given the bytes that wait in the channel; undefined: nothing to send now. */
  nextMessage(bufferedAmount: number): ControlMessage | undefined;
}

export function createIdentitySender(): IdentitySender {
  let status: IdentitySenderStatus = { state: 'idle' };
  let identity = new Uint8Array(0);
  let hash = '';
  let proof: IdentityProof | undefined;
  let transferId = 0;
  let offerWaits = false;
  let requests = 0;
  /** Indices still to be sent, the last one first. */
  let wanted: number[] = [];

  function offerAgain(): void {
    transferId = (transferId + 1) >>> 0;
    offerWaits = true;
    requests = 0;
    wanted = [];
    status = { state: 'offered' };
  }

  const chunkCount = () => Math.ceil(identity.length / IDENTITY_CHUNK_BYTES);

  function start(have: Uint8Array): void {
    requests++;
    if (requests > MAX_IDENTITY_ATTEMPTS) {
      wanted = [];
      status = {
        state: 'failed',
        code: 'too-many-requests',
        message: `the receiver asked for the identity more than ${MAX_IDENTITY_ATTEMPTS} times: reconnect`,
      };
      return;
    }
    wanted = [];
    for (let index = chunkCount() - 1; index >= 0; index--) {
      if (((have[index >> 3] ?? 0) & (1 << (index & 7))) === 0) wanted.push(index);
    }
    status = { state: 'sending', chunksLeft: wanted.length, chunks: chunkCount() };
  }

  return {
    get status() {
      return status;
    },
    offer(bytes, itsProof) {
      if (bytes.length < 1 || bytes.length > MAX_IDENTITY_BYTES) {
        throw new TypeError(`identity: must be 1–${MAX_IDENTITY_BYTES} bytes`);
      }
      identity = Uint8Array.from(bytes);
      hash = bytesToHex(sha256(identity));
      proof = itsProof;
      offerAgain();
    },
    reconnected() {
      if (status.state !== 'idle') offerAgain();
    },
    receive(message) {
      if (!('transferId' in message) || message.transferId !== transferId) return 'unexpected';
      if (offerWaits || (status.state !== 'offered' && status.state !== 'sending')) {
        return 'unexpected';
      }
      switch (message.type) {
        case 'identity-request':
          start(message.have);
          return undefined;
        case 'identity-ready':
          wanted = [];
          status = { state: 'ready' };
          return undefined;
        case 'identity-refused':
          wanted = [];
          status = { state: 'failed', code: message.code, message: message.message };
          return undefined;
        default:
          return 'unexpected';
      }
    },
    nextMessage(bufferedAmount) {
      if (offerWaits) {
        offerWaits = false;
        return {
          type: 'identity-offer',
          transferId,
          bytes: identity.length,
          sha256: hash,
          chunkBytes: IDENTITY_CHUNK_BYTES,
          ...(proof && { proof }),
        };
      }
      if (bufferedAmount > MAX_BUFFERED_IDENTITY_BYTES) return undefined;
      const index = wanted.pop();
      if (index === undefined) return undefined;
      status = { state: 'sending', chunksLeft: wanted.length, chunks: chunkCount() };
      const start = index * IDENTITY_CHUNK_BYTES;
      const bytes = identity.subarray(start, start + IDENTITY_CHUNK_BYTES);
      return { type: 'identity-chunk', transferId, index, bytes };
    },
  };
}
