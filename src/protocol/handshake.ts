import { type ControlMessage, type HelloMessage, PROTOCOL_VERSION } from './control-messages.js';
import type { DropCode, Parsed } from './errors.js';
import {
  type Agreed,
  type Agreement,
  agree,
  describeStream,
  type HandshakeFailure,
  type HandshakeFailureCode,
  packMismatch,
  type Refused,
  versionMismatch,
} from './handshake-agreement.js';
import {
  checkReceiverOptions,
  checkSenderOptions,
  type ReceiverHandshakeOptions,
  type SenderHandshakeOptions,
} from './handshake-options.js';
import { HANDSHAKE_TIMEOUT_MS, STREAM_SIZES } from './limits.js';

/** How far a handshake is. */
export type HandshakeStatus =
  | { readonly state: 'waiting' }
  | { readonly state: 'agreed'; readonly agreement: Agreement }
  | {
      readonly state: 'failed';
      readonly code: HandshakeFailureCode | (string & {});
      /** One line that says what to do. */
      readonly message: string;
    };

/** One side of the handshake, sans IO: messages and the time in, messages and "wake me at" out. */
export interface Handshake {
  readonly status: HandshakeStatus;
  /**
   * Takes whatever the control channel brought, also what could not be parsed. Gives the reason
   * where it was dropped.
   */
  receive(message: Parsed<ControlMessage>): DropCode | undefined;
  /** Lets the time pass (milliseconds of the clock that `now` of the creation was read from). */
  advance(now: number): void;
  /** The next message for the peer. Also a failed handshake has one: its `reject`. */
  nextMessage(): ControlMessage | undefined;
  /** When `advance` must be called, or undefined where nothing is waited for. */
  nextTimeout(): number | undefined;
}

type Verdict = (Agreed & { readonly answer?: HelloMessage }) | Refused;

/** The sender's side: says hello at once and waits for the answer. */
export function createSenderHandshake(options: SenderHandshakeOptions, now: number): Handshake {
  checkSenderOptions(options);
  const { library, capabilities, pack, size, fps, expressionComponents } = options;
  const stream = { size, fps, expressionComponents };
  const hello: HelloMessage = {
    type: 'hello',
    version: PROTOCOL_VERSION,
    library,
    terms: { capabilities, pack, stream },
  };

  function judge(ack: HelloMessage): Verdict {
    if (ack.terms === undefined) return { failure: versionMismatch('sender', library, ack) };
    const failure = packMismatch(pack, ack.terms.pack);
    if (failure) return { failure };
    const agreed = ack.terms.stream;
    const agreedSize = STREAM_SIZES.find((known) => known === agreed.size);
    if (
      agreedSize === undefined ||
      agreedSize > size ||
      agreed.fps !== fps ||
      agreed.expressionComponents !== expressionComponents
    ) {
      return {
        failure: {
          code: 'stream-mismatch',
          message: `the sender offered ${describeStream(stream)}, the receiver answered ${describeStream(agreed)}: update the receiver`,
        },
      };
    }
    return agree(ack, capabilities, ack.terms.capabilities, pack, { ...stream, size: agreedSize });
  }

  return createHandshake('sender', now, hello, judge);
}

/** The receiver's side: waits for the hello and answers it. */
export function createReceiverHandshake(options: ReceiverHandshakeOptions, now: number): Handshake {
  checkReceiverOptions(options);
  const { library, capabilities, pack, expressionComponents } = options;

  function judge(hello: HelloMessage): Verdict {
    if (hello.terms === undefined) return { failure: versionMismatch('receiver', library, hello) };
    const offered = hello.terms.stream;
    const failure = packMismatch(hello.terms.pack, pack);
    if (failure) return { failure };
    if (offered.expressionComponents !== expressionComponents) {
      return {
        failure: {
          code: 'stream-mismatch',
          message: `the sender offers ${describeStream(offered)}, the receiver's pack has ${expressionComponents} expression components: give both the same pack`,
        },
      };
    }
    const largest = Math.min(offered.size, capabilities.maxSize);
    const size = STREAM_SIZES.findLast((known) => known <= largest);
    if (size === undefined) {
      return {
        failure: {
          code: 'unsupported-size',
          message: `the sender offers pictures of ${offered.size} pixels: it must offer at least ${STREAM_SIZES[0]}`,
        },
      };
    }
    const stream = { ...offered, size };
    const verdict = agree(hello, hello.terms.capabilities, capabilities, pack, stream);
    if ('failure' in verdict) return verdict;
    const answer: HelloMessage = {
      type: 'hello-ack',
      version: PROTOCOL_VERSION,
      library,
      terms: { capabilities, pack, stream },
    };
    return { ...verdict, answer };
  }

  return createHandshake('receiver', now, undefined, judge);
}

function createHandshake(
  role: 'sender' | 'receiver',
  now: number,
  opening: HelloMessage | undefined,
  judge: (hello: HelloMessage) => Verdict,
): Handshake {
  const peer = role === 'sender' ? 'receiver' : 'sender';
  const expected = role === 'sender' ? 'hello-ack' : 'hello';
  const deadline = now + HANDSHAKE_TIMEOUT_MS;
  let status: HandshakeStatus = { state: 'waiting' };
  let outgoing: ControlMessage | undefined = opening;
  let dropped = 0;

  function fail({ code, message }: HandshakeFailure): void {
    status = { state: 'failed', code, message };
    outgoing = { type: 'reject', version: PROTOCOL_VERSION, code, message };
  }

  function accept(message: ControlMessage): DropCode | undefined {
    if (status.state === 'failed') return 'unexpected';
    if (message.type === 'reject') {
      status = { state: 'failed', code: message.code, message: message.message };
      outgoing = undefined;
      return undefined;
    }
    if (message.type !== 'hello' && message.type !== 'hello-ack') return 'unexpected';
    if (status.state === 'agreed') return message.type === expected ? 'duplicate' : 'unexpected';
    if (message.type !== expected) {
      fail({
        code: 'same-role',
        message: `both sides are ${role}s: start one as the ${peer}`,
      });
      return undefined;
    }
    const verdict = judge(message);
    if ('failure' in verdict) {
      fail(verdict.failure);
    } else {
      status = { state: 'agreed', agreement: verdict.agreement };
      outgoing = verdict.answer;
    }
    return undefined;
  }

  return {
    get status() {
      return status;
    },
    receive(message) {
      const drop = message.ok ? accept(message.value) : message.drop;
      if (drop !== undefined) dropped++;
      return drop;
    },
    advance(time) {
      if (status.state !== 'waiting' || time < deadline) return;
      const heard = dropped === 0 ? 'sent nothing' : `sent ${dropped} messages but no handshake`;
      const check = `check that it runs and is a visavis ${peer} of protocol ${PROTOCOL_VERSION.major}`;
      fail({
        code: 'timeout',
        message: `the ${peer} ${heard} within ${HANDSHAKE_TIMEOUT_MS / 1000} s: ${check}`,
      });
    },
    nextMessage() {
      const message = outgoing;
      outgoing = undefined;
      return message;
    },
    nextTimeout() {
      return status.state === 'waiting' ? deadline : undefined;
    },
  };
}
