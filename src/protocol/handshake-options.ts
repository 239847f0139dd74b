import { checkFps, checkInteger, checkOption, checkStreamSize } from './check-options.js';
import type { Capabilities, PackIdentity } from './control-messages.js';
import {
  MAX_EXPRESSION_COMPONENTS,
  MAX_LIST_ENTRIES,
  MAX_NAME_BYTES,
  STREAM_SIZES,
  type StreamSize,
} from './limits.js';
import { isOneLine, utf8Length } from './text.js';

/** What a receiver brings to the handshake. */
export interface ReceiverHandshakeOptions {
  /** Name and version of the implementation, for people: `visavis 0.1.0`. */
  readonly library: string;
  readonly capabilities: Capabilities;
  readonly pack: PackIdentity;
  /** Numbers in an expression vector, as the pack says. */
  readonly expressionComponents: number;
}

/** What a sender brings to the handshake. */
export interface SenderHandshakeOptions extends ReceiverHandshakeOptions {
  /** Pixels across the square picture, if the receiver can show as many. */
  readonly size: StreamSize;
  /** Nominal frames per second, 1–120. */
  readonly fps: number;
}

/** Throws a TypeError that names the first bad option. */
export function checkReceiverOptions(options: ReceiverHandshakeOptions): void {
  const { capabilities, pack } = options;
  checkName('library', options.library);
  checkNames('capabilities.families', capabilities.families);
  checkNames('capabilities.features', capabilities.features);
  checkInteger('capabilities.maxSize', capabilities.maxSize, STREAM_SIZES[0], 0xffff);
  checkName('pack.name', pack.name);
  const isHash = /^[0-9a-f]{64}$/.test(pack.sha256);
  checkOption(isHash, 'pack.sha256', '64 lower-case hexadecimal digits');
  checkInteger('expressionComponents', options.expressionComponents, 0, MAX_EXPRESSION_COMPONENTS);
}

/** Throws a TypeError that names the first bad option. */
export function checkSenderOptions(options: SenderHandshakeOptions): void {
  checkReceiverOptions(options);
  checkStreamSize('size', options.size);
  checkFps('fps', options.fps);
}

function checkName(path: string, value: string): void {
  const holds =
    typeof value === 'string' &&
    value !== '' &&
    isOneLine(value) &&
    utf8Length(value) <= MAX_NAME_BYTES;
  checkOption(holds, path, `a line of 1–${MAX_NAME_BYTES} bytes`);
}

function checkNames(path: string, values: readonly string[]): void {
  const holds = Array.isArray(values) && values.length <= MAX_LIST_ENTRIES;
  checkOption(holds, path, `a list of at most ${MAX_LIST_ENTRIES} names`);
  values.forEach((value, index) => {
    checkName(`${path}[${index}]`, value);
  });
}
