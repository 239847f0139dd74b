import type { Capabilities, PackIdentity } from './control-messages.js';
import {
  MAX_EXPRESSION_COMPONENTS,
  MAX_FPS,
  MAX_LIST_ENTRIES,
  MAX_NAME_BYTES,
  MIN_FPS,
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
  if (!/^[0-9a-f]{64}$/.test(pack.sha256)) {
    throw new TypeError('pack.sha256: must be 64 lower-case hexadecimal digits');
  }
  checkInteger('expressionComponents', options.expressionComponents, 0, MAX_EXPRESSION_COMPONENTS);
}

/** Throws a TypeError that names the first bad option. */
export function checkSenderOptions(options: SenderHandshakeOptions): void {
  checkReceiverOptions(options);
  if (!STREAM_SIZES.includes(options.size)) {
    throw new TypeError(`size: must be one of ${STREAM_SIZES.join(', ')}`);
  }
  if (!(options.fps >= MIN_FPS && options.fps <= MAX_FPS)) {
    throw new TypeError(`fps: must be ${MIN_FPS}–${MAX_FPS}`);
  }
}

function checkName(path: string, value: string): void {
  if (
    typeof value !== 'string' ||
    value === '' ||
    !isOneLine(value) ||
    utf8Length(value) > MAX_NAME_BYTES
  ) {
    throw new TypeError(`${path}: must be a line of 1–${MAX_NAME_BYTES} bytes`);
  }
}

function checkNames(path: string, values: readonly string[]): void {
  if (!Array.isArray(values) || values.length > MAX_LIST_ENTRIES) {
    throw new TypeError(`${path}: must be a list of at most ${MAX_LIST_ENTRIES} names`);
  }
  values.forEach((value, index) => {
    checkName(`${path}[${index}]`, value);
  });
}

function checkInteger(path: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new TypeError(`${path}: must be a whole number ${min}–${max}`);
  }
}
