import { expect, test } from 'vitest';
import { runLink } from '../src/transport/running-link.js';

test('gives packets on when they are due, in the order of the link', async () => {
  const link = runLink({ seed: 1, delayMs: 3, duplicate: 1 });
  const arrived: number[] = [];
  await new Promise<void>((resolve) => {
    const arrive = ([first]: Uint8Array) => {
      arrived.push(first);
      if (arrived.length === 6) resolve();
    };
    for (const value of [1, 2, 3]) link.send(Uint8Array.of(value), arrive);
    expect(arrived).toEqual([]);
  });
  expect(arrived).toEqual([1, 1, 2, 2, 3, 3]);
  expect(link.stats).toMatchObject({ sent: 3, delivered: 6, duplicated: 3 });
});

test('delivers nothing once it is stopped', async () => {
  const link = runLink({ seed: 1 });
  let arrived = 0;
  const arrive = () => {
    arrived += 1;
  };
  link.send(new Uint8Array(1), arrive);
  link.stop();
  link.send(new Uint8Array(1), arrive);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(arrived).toBe(0);
  expect(link.stats.delivered).toBe(0);
});

test('its time begins with the first packet', async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  const link = runLink({ seed: 1, outages: [[0, 10]] });
  link.send(new Uint8Array(1), () => {});
  expect(link.stats.lostToOutage).toBe(1);
  link.stop();
});

test('names a bad option', () => {
  expect(() => runLink({ seed: 0.5 })).toThrow('seed: must be a whole number');
});
