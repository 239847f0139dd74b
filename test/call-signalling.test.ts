import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  CloseCode,
  createRooms,
  LIMITS,
  type ServerMessage,
} from '../examples/browser-call/rooms.mjs';
import { attachSignalling } from '../examples/browser-call/signalling.mjs';

/** A token that is easily told from others. */
const token = (name: string) => name.padEnd(22, '_');

/** A page's connection, as the rooms see it. */
class FakeClient {
  readonly heard: ServerMessage[] = [];
  closed: number | undefined;
  send(text: string) {
    this.heard.push(JSON.parse(text));
  }
  close(code: number) {
    this.closed = code;
  }
}

/** Rooms, and the clients that the test lets in. */
function enter(limits = LIMITS) {
  const rooms = createRooms(limits);
  const say = (client: FakeClient, message: object, nowMs = 0) =>
    rooms.received(client, JSON.stringify(message), nowMs);
  const join = (place: string, { room = 'room', instance = place, nowMs = 0 } = {}) => {
    const client = new FakeClient();
    rooms.connected(client, nowMs);
    const tokens = { room: token(room), place: token(place), instance: token(instance) };
    say(client, { type: 'join', ...tokens }, nowMs);
    return client;
  };
  return { rooms, say, join };
}

describe('the rooms of the call', () => {
  test('two people hear of each other, and what they say', () => {
    const { say, join } = enter();
    const ann = join('ann');
    expect(ann.heard).toEqual([{ type: 'joined', peer: null }]);
    const bob = join('bob');
    expect(bob.heard).toEqual([{ type: 'joined', peer: token('ann') }]);
    expect(ann.heard[1]).toEqual({ type: 'peer', instance: token('bob') });
    const data = { kind: 'offer', n: 1, sdp: 'v=0 ü' };
    say(ann, { type: 'signal', to: token('bob'), data });
    expect(bob.heard[1]).toEqual({ type: 'signal', from: token('ann'), data });
    say(bob, { type: 'bye' });
    expect(ann.heard[2]).toEqual({ type: 'peer-left', hungUp: true });
    expect(bob.closed).toBe(1000);
  });

  test('a third person is refused, and gets in when one has hung up', () => {
    const { say, join } = enter();
    join('ann');
    const bob = join('bob');
    expect(join('eve').closed).toBe(CloseCode.roomFull);
    expect(join('eve', { room: 'another' }).closed).toBeUndefined();
    say(bob, { type: 'bye' });
    expect(join('eve').closed).toBeUndefined();
  });

  test('a page that reloads gets its place at once, before its old socket is gone', () => {
    const { rooms, say, join } = enter();
    const ann = join('ann');
    const old = join('bob');
    const reloaded = join('bob', { instance: 'bob-again' });
    expect(old.closed).toBe(CloseCode.replaced);
    expect(reloaded.heard).toEqual([{ type: 'joined', peer: token('ann') }]);
    expect(ann.heard.at(-1)).toEqual({ type: 'peer', instance: token('bob-again') });
    // The old socket's end, and what it still had to say, disturb nobody.
    const heard = ann.heard.length;
    say(old, { type: 'signal', to: token('ann'), data: {} });
    rooms.disconnected(old, 1);
    expect(ann.heard).toHaveLength(heard);
    // What was meant for the page of before does not reach the one of now.
    say(ann, { type: 'signal', to: token('bob'), data: {} });
    expect(reloaded.heard).toHaveLength(1);
    say(ann, { type: 'signal', to: token('bob-again'), data: {} });
    expect(reloaded.heard.at(-1)).toMatchObject({ type: 'signal' });
  });

  test('a lost connection keeps its place for a while, and nobody else takes it', () => {
    const { rooms, join } = enter();
    const ann = join('ann');
    rooms.disconnected(join('bob'), 0);
    expect(ann.heard.at(-1)).toEqual({ type: 'peer-away' });
    expect(join('eve', { nowMs: 1_000 }).closed).toBe(CloseCode.roomFull);
    rooms.poll(LIMITS.placeKeptMs - 1);
    expect(ann.heard.at(-1)).toEqual({ type: 'peer-away' });
    rooms.poll(LIMITS.placeKeptMs);
    expect(ann.heard.at(-1)).toEqual({ type: 'peer-left', hungUp: false });
    expect(join('eve', { nowMs: LIMITS.placeKeptMs }).closed).toBeUndefined();
  });

  test('a new instance on the same socket is told to the peer', () => {
    const { say, join } = enter();
    const ann = join('ann');
    const bob = join('bob');
    const join2 = { type: 'join', room: token('room'), place: token('bob') };
    say(bob, { ...join2, instance: token('bob-2') });
    expect(ann.heard.at(-1)).toEqual({ type: 'peer', instance: token('bob-2') });
    expect(bob.closed).toBeUndefined();
    say(bob, { ...join2, room: token('other'), instance: token('bob-2') });
    expect(bob.closed).toBe(CloseCode.badMessage);
  });

  test('a room is gone when everybody has left', () => {
    const { rooms, say, join } = enter();
    const ann = join('ann');
    rooms.disconnected(join('bob'), 0);
    expect(rooms.size).toBe(1);
    say(ann, { type: 'bye' });
    rooms.poll(LIMITS.placeKeptMs);
    expect(rooms.size).toBe(0);
  });

  test('limits: rate, size, rooms, and the time to join', () => {
    const { rooms, say, join } = enter({ ...LIMITS, messagesPerSecond: 3, rooms: 2 });
    const fast = join('ann');
    const data = { to: token('bob'), data: {} };
    for (let i = 0; i < 2; i++) say(fast, { type: 'signal', ...data });
    expect(fast.closed).toBeUndefined();
    say(fast, { type: 'signal', ...data }, 1_000);
    expect(fast.closed).toBeUndefined();
    for (let i = 0; i < 3; i++) say(fast, { type: 'signal', ...data }, 1_500);
    expect(fast.closed).toBe(CloseCode.tooFast);

    const long = join('bob');
    say(long, {
      type: 'signal',
      to: token('ann'),
      data: { sdp: 'x'.repeat(LIMITS.messageLength) },
    });
    expect(long.closed).toBe(CloseCode.badMessage);

    join('cat', { room: 'second' });
    expect(join('dog', { room: 'third' }).closed).toBe(CloseCode.full);

    const silent = new FakeClient();
    rooms.connected(silent, 0);
    rooms.poll(LIMITS.joinWithinMs - 1);
    expect(silent.closed).toBeUndefined();
    rooms.poll(LIMITS.joinWithinMs);
    expect(silent.closed).toBe(CloseCode.notJoined);
  });

  test.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['an array', '[]'],
    ['an unknown type', '{"type":"hello"}'],
    ['a room that is no token', '{"type":"join","room":"x","place":"y","instance":"z"}'],
    ['a signal to nobody', '{"type":"signal","data":{}}'],
    ['a signal of nothing', `{"type":"signal","to":"${token('bob')}","data":null}`],
  ])('%s is answered by a close', (_, text) => {
    const { rooms, join } = enter();
    const client = join('ann');
    rooms.received(client, text, 0);
    expect(client.closed).toBe(CloseCode.badMessage);
  });

  test('who has not joined can say nothing', () => {
    const { rooms } = enter();
    const client = new FakeClient();
    rooms.connected(client, 0);
    rooms.received(client, '{"type":"bye"}', 0);
    expect(client.closed).toBe(CloseCode.notJoined);
  });
});

describe('the signalling of the call, on sockets', () => {
  let server: Server;
  let signalling: { close(): void };
  let port: number;
  let own: string;

  beforeEach(async () => {
    server = createServer();
    signalling = attachSignalling(server, { allowedOrigins: ['https://call.example.org'] });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    own = `http://127.0.0.1:${port}`;
  });

  afterEach(async () => {
    signalling.close();
    await new Promise((resolve) => server.close(resolve));
  });

  /** 101, or what the server refuses with. */
  async function connect(origin: string | undefined, path = '/signal') {
    const socket = new WebSocket(
      `ws://127.0.0.1:${port}${path}`,
      origin === undefined ? {} : { origin },
    );
    const status = await new Promise<number>((resolve) => {
      socket.on('open', () => resolve(101));
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode!));
      socket.on('error', () => {});
    });
    return { socket, status };
  }

  test('pages of its own origin and of the allowed ones alone may connect', async () => {
    expect((await connect(own)).status).toBe(101);
    expect((await connect('https://call.example.org')).status).toBe(101);
    expect((await connect('https://evil.example.org')).status).toBe(403);
    expect((await connect('null')).status).toBe(403);
    expect((await connect(undefined)).status).toBe(403);
    expect((await connect(own, '/elsewhere')).status).toBe(404);
  });

  test('relays between two sockets, and keeps the place of one that reloads', async () => {
    const join = async (place: string, instance: string) => {
      const { socket } = await connect(own);
      const heard: ServerMessage[] = [];
      socket.on('message', (data) => heard.push(JSON.parse(String(data))));
      const tokens = { room: token('room'), place: token(place), instance: token(instance) };
      socket.send(JSON.stringify({ type: 'join', ...tokens }));
      await once(socket, 'message');
      return { socket, heard };
    };
    const ann = await join('ann', 'ann');
    const bob = await join('bob', 'bob');
    expect(bob.heard[0]).toEqual({ type: 'joined', peer: token('ann') });
    const closed = once(bob.socket, 'close');
    const again = await join('bob', 'bob-2');
    expect((await closed)[0]).toBe(CloseCode.replaced);
    ann.socket.send(JSON.stringify({ type: 'signal', to: token('bob-2'), data: { n: 1 } }));
    await once(again.socket, 'message');
    expect(again.heard.at(-1)).toEqual({ type: 'signal', from: token('ann'), data: { n: 1 } });
  });

  test('an oversize message ends the connection', async () => {
    const { socket } = await connect(own);
    const closed = once(socket, 'close');
    socket.send('x'.repeat(LIMITS.messageLength + 1));
    expect((await closed)[0]).toBe(1009);
  });
});
