import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Feedback, parseFeedback, serialiseFeedback } from '../src/protocol/feedback.js';
import { stateDigest } from '../src/protocol/motion-codec.js';
import { MotionDepacketizer } from '../src/protocol/motion-depacketizer.js';
import { type MotionPacket, parseMotion, serialiseMotion } from '../src/protocol/motion-packet.js';
import { MotionPacketizer } from '../src/protocol/motion-packetizer.js';
import { parseTables, serialiseTables } from '../src/protocol/motion-tables.js';
import { RangeDecoder, RangeEncoder } from '../src/protocol/range-coder.js';
import { fromHex, toHex } from './support/motion-stream.js';

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`vectors/motion/${name}.json`, import.meta.url), 'utf8'));

describe('vectors of the motion channel', () => {
  describe('range coder', () => {
    const { tables, cases } = read('range-coder');
    const cumulative = tables.map((table: number[]) => Uint16Array.from(table));
    it.each(cases as { name: string; steps: number[]; hex: string }[])(
      '$name: both directions',
      ({ steps, hex }) => {
        const encoder = new RangeEncoder();
        const decoder = new RangeDecoder(fromHex(hex));
        const decoded: number[] = [];
        for (let at = 0; at < steps.length; at += 2) {
          const [kind, value] = [steps[at], steps[at + 1]];
          if (kind < 0) encoder.bits(value, -kind);
          else encoder.symbol(cumulative[kind], value);
          decoded.push(kind, kind < 0 ? decoder.bits(-kind) : decoder.symbol(cumulative[kind]));
        }
        expect(toHex(encoder.finish())).toBe(hex);
        expect(decoded).toEqual(steps);
        expect(decoder.invalid).toBe(false);
      },
    );
  });

  it('entropy tables: both directions', () => {
    const { hex, ...lists } = read('tables');
    const tables = {
      valueCount: lists.valueCount,
      residual: lists.residual.map((contexts: number[][]) =>
        contexts.map((table) => Uint16Array.from(table)),
      ),
      length: lists.length.map((table: number[]) => Uint16Array.from(table)),
    };
    expect(parseTables(fromHex(hex))).toEqual({ ok: true, value: tables });
    expect(toHex(serialiseTables(tables))).toBe(hex);
  });

  it.each(
    read('packets').cases as {
      name: string;
      packet: Omit<MotionPacket, 'intervals' | 'body'> & { intervals: number[]; body: string };
      redundant: string[];
      hex: string;
    }[],
  )('packet, $name: both directions', ({ packet, redundant, hex }) => {
    const meant: MotionPacket = {
      ...packet,
      intervals: packet.intervals ?? undefined,
      body: fromHex(packet.body),
    };
    const copies = redundant.map(fromHex);
    expect(parseMotion(fromHex(hex))).toEqual({
      ok: true,
      value: { packet: meant, redundant: copies },
    });
    expect(toHex(serialiseMotion(meant, copies))).toBe(hex);
  });

  it.each(read('feedback').cases as { name: string; feedback: Feedback; hex: string }[])(
    'feedback, $name: both directions',
    ({ feedback, hex }) => {
      const meant = { ...feedback, newestSequence: feedback.newestSequence ?? undefined };
      expect(parseFeedback(fromHex(hex))).toEqual({ ok: true, value: meant });
      expect(toHex(serialiseFeedback(meant))).toBe(hex);
    },
  );

  describe('a stream', () => {
    const vector = read('stream');
    const parsed = parseTables(readFileSync(new URL(`../${vector.tables}`, import.meta.url)));
    if (!parsed.ok) throw new Error(parsed.drop);
    const tables = parsed.value;

    it('forward: these frames give these messages', () => {
      const packetizer = new MotionPacketizer({ ...vector, tables });
      const messages: (Uint8Array | undefined)[] = [];
      const { index: asked, newestSequence } = vector.feedbackBeforeFrame;
      vector.frames.forEach(
        ({ values, captureMs }: { values: number[] | null; captureMs: number }, index: number) => {
          if (index === asked) {
            messages.push(
              packetizer.handleFeedback({
                newestSequence,
                lossFraction: 0,
                needsRecovery: true,
                needsIndependent: false,
                needsIdentity: false,
              }),
            );
          }
          messages.push(packetizer.add(values ? Int16Array.from(values) : undefined, captureMs));
        },
      );
      messages.push(packetizer.flush());
      const said = messages.filter((message) => message !== undefined);
      expect(said.map(toHex)).toEqual(vector.messages);
    });

    it('backward: these messages give these frames, states and digests', () => {
      const depacketizer = new MotionDepacketizer(tables, vector.frameIntervalMs);
      const frames = vector.messages.flatMap((hex: string) =>
        depacketizer.receive(fromHex(hex), 0),
      ) as ReturnType<typeof depacketizer.receive>;
      expect(frames.map(({ sequence }) => sequence)).toEqual(
        vector.frames.map((_: unknown, index: number) => index),
      );
      expect(
        frames.map(({ state }) => ({
          ...state,
          values: [...state.values],
          digest: stateDigest(state),
        })),
      ).toEqual(vector.states);
      expect(frames.map(({ captureMs }) => captureMs)).toEqual(
        vector.frames.map(({ captureMs }: { captureMs: number }) => captureMs),
      );
      expect(depacketizer.takeDrops()).toEqual([]);
    });

    it('shows every kind of packet there is', () => {
      const packets = vector.messages.map((hex: string) => parseMotion(fromHex(hex)));
      const kinds = packets.map((packet: ReturnType<typeof parseMotion>) => {
        if (!packet.ok) return packet.drop;
        const { coding, intervals } = packet.value.packet;
        return [coding.kind, intervals ? 'intervals' : ''].join(' ');
      });
      for (const kind of ['independent ', 'predicted ']) expect(kinds).toContain(kind);
      expect(kinds.some((kind: string) => kind.endsWith('intervals'))).toBe(true);
      const { states } = vector as { states: { facePresent: boolean }[] };
      expect(states.some(({ facePresent }) => !facePresent)).toBe(true);
    });
  });
});
