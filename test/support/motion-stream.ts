import { readFileSync } from 'node:fs';
import { encodeFrame, type MotionState } from '../../src/protocol/motion-codec.js';
import { MotionPacketizer, type PacketizerOptions } from '../../src/protocol/motion-packetizer.js';
import { type MotionTables, parseTables } from '../../src/protocol/motion-tables.js';
import { RangeEncoder } from '../../src/protocol/range-coder.js';

/** The entropy tables of `packs/warp`. */
export const WARP_TABLES: MotionTables = (() => {
  const parsed = parseTables(readFileSync(new URL('../../packs/warp/tables.bin', import.meta.url)));
  if (!parsed.ok) throw new Error(parsed.drop);
  return parsed.value;
})();

/** Numbers in [0, 1) that are the same each time (Mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Integer frames that walk as motion does: mostly by nothing or a step, now and then far, and now and
 * then (`noFace`) there is no face.
 */
export function walk(
  seed: number,
  frames: number,
  valueCount = WARP_TABLES.valueCount,
  noFace = 0.03,
): (Int16Array | undefined)[] {
  const random = seeded(seed);
  const values = new Int16Array(valueCount);
  return Array.from({ length: frames }, () => {
    for (let v = 0; v < valueCount; v++) {
      const kind = random();
      if (kind < 0.25) values[v] += random() < 0.5 ? 1 : -1;
      else if (kind < 0.27) values[v] = Math.round((random() - 0.5) * 400);
    }
    return random() < noFace ? undefined : values.slice();
  });
}

export const STREAM_OPTIONS: PacketizerOptions = {
  tables: WARP_TABLES,
  framesPerPacket: 3,
  redundancy: 0,
  quantiser: 4,
  independentInterval: 40,
  frameIntervalMs: 40,
};

/** A packetizer, and the state after each frame that it codes. */
export function recordedSender(options: Partial<PacketizerOptions> = {}) {
  const all = { ...STREAM_OPTIONS, ...options };
  const packetizer = new MotionPacketizer(all);
  const states: MotionState[] = [];
  return {
    packetizer,
    states,
    /** Codes a frame; returns the message that became full, if any. */
    add(values: Int16Array | undefined, captureMs: number): Uint8Array | undefined {
      if (!packetizer.due) return packetizer.add(values, captureMs);
      const { base, predicted } = packetizer.next;
      const coding = predicted ? 'predicted' : 'independent';
      states.push(encodeFrame(new RangeEncoder(), all.tables, coding, base, values));
      return packetizer.add(values, captureMs);
    },
  };
}

/** Messages and states of a whole stream, a frame every `frameIntervalMs`. */
export function stream(
  frames: readonly (Int16Array | undefined)[],
  options: Partial<PacketizerOptions> = {},
) {
  const sender = recordedSender(options);
  const interval = options.frameIntervalMs ?? STREAM_OPTIONS.frameIntervalMs;
  const messages = frames.map((values, index) => sender.add(values, index * interval));
  return {
    states: sender.states,
    messages: [...messages, sender.packetizer.flush()].filter((message) => message !== undefined),
  };
}

export const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
export const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
