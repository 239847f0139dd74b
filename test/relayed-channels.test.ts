import { expect, it } from 'vitest';
import { InvalidStateError } from '../src/protocol/errors.js';
import { createRelayedChannels } from '../src/worker/relayed-channels.js';

it('a message waits for its session, with the time it arrived at', async () => {
  const channels = createRelayedChannels(() => {});
  let heard = false;
  void channels.heard.then(() => {
    heard = true;
  });
  for (let i = 0; i < 70; i++) channels.message('control', Uint8Array.of(i), i * 10);
  await channels.heard;
  expect(heard).toBe(true);
  const got: [number, number | undefined][] = [];
  channels.control.onMessage = ([first], receivedMs) => got.push([first, receivedMs]);
  channels.message('control', Uint8Array.of(99), 990);
  // The queue is bounded: of 70 the last six are gone.
  expect(got).toHaveLength(65);
  expect(got.slice(0, 2)).toEqual([
    [0, 0],
    [1, 10],
  ]);
  expect(got.at(-1)).toEqual([99, 990]);
});

it('what is not in the data channel yet counts as buffered', () => {
  const sent: [string, number][] = [];
  const channels = createRelayedChannels((name, { length }) => sent.push([name, length]));
  channels.control.send(new Uint8Array(300));
  channels.control.send(new Uint8Array(200));
  channels.motion.send(new Uint8Array(20));
  expect(sent).toEqual([
    ['control', 300],
    ['control', 200],
    ['motion', 20],
  ]);
  expect(channels.control.bufferedAmount).toBe(500);
  channels.sent('control', 300, 250);
  expect(channels.control.bufferedAmount).toBe(450);
  channels.sent('control', 500, 0);
  expect(channels.control.bufferedAmount).toBe(0);
});

it('the channels close once, for a reason, and nothing can be sent then', () => {
  const channels = createRelayedChannels(() => {});
  const reasons: string[] = [];
  channels.control.onClose = (reason) => reasons.push(reason);
  channels.disconnect('peer-vanished');
  channels.disconnect('closed-by-peer');
  expect(reasons).toEqual(['peer-vanished']);
  expect(channels.motion.open).toBe(false);
  expect(() => channels.motion.send(Uint8Array.of(1))).toThrow(InvalidStateError);
});
