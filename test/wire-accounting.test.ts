import { expect, test } from 'vitest';
import { createWireAccount } from '../src/transport/wire-accounting.js';

function accountWithClock(startMs = 1_000) {
  const clock = { nowMs: startMs };
  return { clock, account: createWireAccount(() => clock.nowMs) };
}

test('adds the headers of IPv4 and IPv6', () => {
  const { account } = accountWithClock();
  account.countSent(100, 4);
  account.countSent(100, 6);
  account.countReceived(1, 4);
  expect(account).toMatchObject({
    sentBytes: 128 + 148,
    sentPackets: 2,
    receivedBytes: 29,
    receivedPackets: 1,
  });
});

test('puts bytes into bins of 100 ms from the start', () => {
  const { account, clock } = accountWithClock();
  account.countSent(72, 4);
  clock.nowMs += 99;
  account.countReceived(22, 4);
  clock.nowMs += 301;
  account.countSent(2, 4);
  account.countSent(2, 4);
  expect(account.series()).toEqual({
    startMs: 1_000,
    binMs: 100,
    sentBytes: Uint32Array.of(100, 0, 0, 0, 60),
    receivedBytes: Uint32Array.of(50, 0, 0, 0, 0),
  });
});

test('a series is a copy', () => {
  const { account } = accountWithClock();
  account.countSent(72, 4);
  const before = account.series();
  account.countSent(72, 4);
  expect(before.sentBytes[0]).toBe(100);
});

test('keeps the last hour of bins, and all of the totals', () => {
  const { account, clock } = accountWithClock(0);
  account.countSent(72, 4);
  clock.nowMs = 1_800_000;
  account.countReceived(22, 4);
  clock.nowMs = 3_600_000;
  account.countSent(12, 4);
  const { startMs, sentBytes, receivedBytes } = account.series();
  expect(startMs).toBe(100);
  expect(sentBytes.length).toBe(36_000);
  expect(sentBytes[0]).toBe(0);
  expect(sentBytes[35_999]).toBe(40);
  expect(receivedBytes[17_999]).toBe(50);
  expect(account.sentBytes).toBe(140);

  // A silence longer than the hour empties it.
  clock.nowMs = 9_000_000;
  account.countSent(2, 4);
  const later = account.series();
  expect(later.startMs).toBe(5_400_100);
  expect(later.receivedBytes.every((bytes) => bytes === 0)).toBe(true);
  expect(later.sentBytes.reduce((sum, bytes) => sum + bytes, 0)).toBe(30);
});
