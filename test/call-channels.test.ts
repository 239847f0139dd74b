import { expect, it } from 'vitest';
import {
  adaptDataChannels,
  createCallChannels,
  type DataChannelInit,
} from '../src/transport/rtc-data-channel.js';

/** A connection that only remembers what it was asked for. */
function connection() {
  const created: { label: string; options: DataChannelInit }[] = [];
  return {
    created,
    createDataChannel(label: string, options: DataChannelInit) {
      created.push({ label, options });
      return {
        readyState: 'open',
        bufferedAmount: 0,
        binaryType: 'blob' as BinaryType,
        onmessage: null as ((event: never) => void) | null,
        id: options.id,
        send() {},
        close() {},
      };
    },
  };
}

it('each side’s outgoing channels are the other side’s incoming ones', () => {
  const caller = createCallChannels(connection(), 'caller');
  const callee = createCallChannels(connection(), 'callee');
  const ids = ({ control, motion }: typeof caller.outgoing) => [control.id, motion.id];
  expect(ids(caller.outgoing)).toEqual([0, 1]);
  expect(ids(callee.incoming)).toEqual([0, 1]);
  expect(ids(callee.outgoing)).toEqual([2, 3]);
  expect(ids(caller.incoming)).toEqual([2, 3]);
});

it('control is reliable, motion is not, both are negotiated', () => {
  const used = connection();
  createCallChannels(used, 'caller');
  expect(used.created).toEqual(
    [0, 2].flatMap((offset) => [
      { label: 'visavis-control', options: { negotiated: true, id: offset, ordered: true } },
      {
        label: 'visavis-motion',
        options: { negotiated: true, id: offset + 1, ordered: false, maxRetransmits: 0 },
      },
    ]),
  );
});

it('a bad side is named', () => {
  expect(() => createCallChannels(connection(), 'sender' as never)).toThrow(
    "side: must be 'caller' or 'callee', not sender",
  );
});

it('what comes before a channel is adapted is kept, up to 64 messages', () => {
  const { incoming } = createCallChannels(connection(), 'callee');
  expect(incoming.control.binaryType).toBe('arraybuffer');
  for (let i = 0; i < 70; i++) {
    incoming.control.onmessage?.({ data: Uint8Array.of(i).buffer } as never);
  }
  const { channels } = adaptDataChannels(incoming);
  const got: number[] = [];
  channels.control.onMessage = ([first]) => got.push(first);
  incoming.control.onmessage?.({ data: Uint8Array.of(200).buffer } as never);
  expect(got).toEqual([...Array(64).keys(), 200]);
});
