import { type ParseArgsConfig, parseArgs } from 'node:util';
import { MAX_REFERENCES, STREAM_SIZES, type StreamSize } from '../protocol/limits.js';
import { RATE_PRESETS, type RatePreset } from '../sender/rate-presets.js';
import { isRoomName } from '../transport/signalling.js';
import { createSimulatedLink, type SimulatedLinkOptions } from '../transport/simulated-link.js';
import { UserError } from './user-error.js';

/** Exit status where the command line itself is wrong. */
export const USAGE_EXIT = 2;

/** What the commands that move pictures have in common. */
export interface MediaOptions {
  readonly pack: string;
  /** Folder of the sender's personal pack of it, if any. */
  readonly personal: string | undefined;
  /** Folder of a tracker pack; undefined for the default one. */
  readonly tracker: string | undefined;
  /** Pixels across the picture; undefined: 512 where the face in the clip is large enough, else 256. */
  readonly size: StreamSize | undefined;
  readonly references: number;
  readonly enrolSeconds: number;
  readonly fast: boolean;
  readonly preset: RatePreset;
  /** Frames a message, whatever the preset; undefined: as rate control chooses. */
  readonly bundle: number | undefined;
  /** Whether pictures are sent during the call; undefined: where there are cores to spare. */
  readonly pictures: boolean | undefined;
  readonly saveFrames: boolean;
}

export interface ParsedCommand {
  readonly positionals: readonly string[];
  /** Every --pack, for the command that takes several. */
  readonly packs: readonly string[];
  readonly media: MediaOptions;
  readonly out: string | undefined;
  readonly room: string | undefined;
  readonly signal: string | undefined;
  readonly host: string;
  readonly port: number;
  /** How long to train. */
  readonly minutes: number;
  /** What a simulated network does to datagrams, in each direction; undefined: nothing. */
  readonly impairment: Impairment | undefined;
  /** The same in full, for the datagrams of one side. */
  readonly link: SimulatedLinkOptions | undefined;
}

/** Of `visavis loopback`. */
export interface Impairment {
  /** Probability to lose a datagram, 0–1. */
  readonly loss: number;
  /** Up to so much delay, uniform. */
  readonly jitterMs: number;
  readonly seed: number;
}

const OPTIONS = {
  pack: { type: 'string', multiple: true },
  personal: { type: 'string' },
  tracker: { type: 'string' },
  size: { type: 'string' },
  references: { type: 'string' },
  'enrol-seconds': { type: 'string' },
  fast: { type: 'boolean' },
  bundle: { type: 'string' },
  preset: { type: 'string' },
  pictures: { type: 'string' },
  'save-frames': { type: 'boolean' },
  out: { type: 'string' },
  room: { type: 'string' },
  signal: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  minutes: { type: 'string' },
  loss: { type: 'string' },
  'jitter-ms': { type: 'string' },
  seed: { type: 'string' },
  link: { type: 'string' },
} as const satisfies ParseArgsConfig['options'];

/** An option of a command line, without its dashes. */
export type OptionName = keyof typeof OPTIONS;

const DEFAULT_PORT = 8788;
const MAX_ENROL_SECONDS = 10;
const DEFAULT_MINUTES = 8;
/** A day. */
const MAX_MINUTES = 1440;
/** A peer that is silent for so long is taken for gone. */
const MAX_JITTER_MS = 5000;
const MAX_SEED = 2 ** 31 - 1;

/** Reads a command's arguments; only the options in `allowed` are known. UserError with a hint. */
export function parseCommand(
  args: readonly string[],
  allowed: readonly OptionName[],
): ParsedCommand {
  const known = Object.fromEntries(allowed.map((name) => [name, OPTIONS[name]]));
  let parsed: {
    values: Partial<Record<string, string | boolean | (string | boolean)[]>>;
    positionals: string[];
  };
  try {
    parsed = parseArgs({ args: [...args], options: known, allowPositionals: true });
  } catch (error) {
    const [firstSentence] = (error as Error).message.split(/\.\s/);
    throw usage(`${firstSentence}: see npx visavis --help`);
  }
  const text = (name: OptionName) => parsed.values[name] as string | undefined;
  const number = (name: OptionName, fallback: number, low: number, high: number, whole = true) => {
    const given = text(name);
    if (given === undefined) return fallback;
    const value = Number(given);
    const fits = value >= low && value <= high && (!whole || Number.isInteger(value));
    if (given.trim() === '' || !fits) {
      throw usage(
        `--${name} must be ${whole ? 'a whole number' : 'a number'} ${low}–${high}, not ${given}`,
      );
    }
    return value;
  };
  const size = text('size');
  if (size !== undefined && !STREAM_SIZES.some((each) => `${each}` === size)) {
    throw usage(`--size must be ${STREAM_SIZES.join(' or ')}, not ${size}`);
  }
  const preset = RATE_PRESETS.find((each) => each === (text('preset') ?? 'balanced'));
  if (preset === undefined) {
    throw usage(`--preset must be ${RATE_PRESETS.join(', ')}, not ${text('preset')}`);
  }
  const room = text('room');
  if (room !== undefined && !isRoomName(room)) {
    throw usage(`--room must be 1–64 letters, digits, _ or -, not ${room}`);
  }
  const signal = text('signal');
  if (signal !== undefined && !(/^wss?:\/\/[^/]/.test(signal) && URL.canParse(signal))) {
    throw usage(`--signal must be a ws:// or wss:// address, not ${signal}`);
  }
  const pictures = text('pictures');
  if (pictures !== undefined && pictures !== 'on' && pictures !== 'off') {
    throw usage(`--pictures must be on or off, not ${pictures}`);
  }
  const packs = (parsed.values.pack ?? []) as string[];
  const loss = number('loss', 0, 0, 1, false);
  const jitterMs = number('jitter-ms', 0, 0, MAX_JITTER_MS, false);
  const seed = number('seed', 1, 0, MAX_SEED);
  const link = text('link');
  return {
    positionals: parsed.positionals,
    packs,
    media: {
      pack: packs.at(-1) ?? 'portrait-256-cpu',
      personal: text('personal'),
      tracker: text('tracker'),
      size: size === undefined ? undefined : (Number(size) as StreamSize),
      references: number('references', 4, 1, MAX_REFERENCES),
      enrolSeconds: number('enrol-seconds', 1, 0.1, MAX_ENROL_SECONDS, false),
      fast: parsed.values.fast === true,
      preset,
      bundle: text('bundle') === undefined ? undefined : number('bundle', 4, 1, 4),
      pictures: pictures && pictures === 'on',
      saveFrames: parsed.values['save-frames'] === true,
    },
    out: text('out'),
    room,
    signal,
    host: text('host') ?? '127.0.0.1',
    port: number('port', DEFAULT_PORT, 0, 65535),
    minutes: number('minutes', DEFAULT_MINUTES, 0.01, MAX_MINUTES, false),
    impairment: loss > 0 || jitterMs > 0 ? { loss, jitterMs, seed } : undefined,
    link: link === undefined ? undefined : parseLink(link),
  };
}

/** `--link`: SimulatedLinkOptions as JSON. */
function parseLink(json: string): SimulatedLinkOptions {
  try {
    const options = JSON.parse(json) as SimulatedLinkOptions;
    createSimulatedLink(options);
    return options;
  } catch (error) {
    throw usage(`--link must be options of a simulated link as JSON: ${(error as Error).message}`);
  }
}

/** The one positional argument of a command. */
export function onlyPositional(command: ParsedCommand, what: string): string {
  return onlyPositionals(command, 1, what)[0];
}

/** The positional arguments of a command, `count` of them. */
export function onlyPositionals(
  { positionals }: ParsedCommand,
  count: number,
  what: string,
): readonly string[] {
  if (positionals.length !== count) throw usage(`give ${what}: see npx visavis --help`);
  return positionals;
}

/** The value, or a UserError that asks for it. */
export function needed(value: string | undefined, option: OptionName, what: string): string {
  if (value === undefined) throw usage(`--${option} is missing: give ${what}`);
  return value;
}

function usage(message: string): UserError {
  return new UserError(message, { exitCode: USAGE_EXIT });
}
