import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  MAX_SIGNAL_BYTES,
  parseClientMessage,
  parseServerMessage,
  type Role,
  type ServerMessage,
  type Signalling,
} from '../src/transport/signalling.js';
import { joinRoom } from '../src/transport/signalling-client.js';
import {
  createSignallingServer,
  type SignallingServer,
} from '../src/transport/signalling-server.js';

let server: SignallingServer;
const open: Signalling[] = [];

beforeEach(async () => {
  server = await createSignallingServer({ port: 0, host: '127.0.0.1' });
});

afterEach(async () => {
  for (const signalling of open.splice(0)) signalling.close();
  await server.close();
});

async function join(role: Role, room = 'room'): Promise<Signalling> {
  const signalling = await joinRoom({ url: server.url, room, role, WebSocket });
  open.push(signalling);
  return signalling;
}

function nextMessage(signalling: Signalling): Promise<ServerMessage> {
  return new Promise((resolve) => {
    signalling.onMessage = (message) => {
      signalling.onMessage = undefined;
      resolve(message);
    };
  });
}

/** A client that follows no rules. */
async function rawSocket(): Promise<WebSocket> {
  const socket = new WebSocket(server.url);
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
}

function closed(socket: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

describe('signalling', () => {
  test('tells who is there and relays both ways', async () => {
    const sender = await join('sender');
    expect(sender.peerPresent).toBe(false);
    const joined = nextMessage(sender);
    const receiver = await join('receiver');
    expect(receiver.peerPresent).toBe(true);
    expect(await joined).toEqual({ type: 'peer-joined' });

    const offer = {
      type: 'description',
      description: { type: 'offer', sdp: 'v=0 ü' },
    } as const;
    sender.send(offer);
    expect(await nextMessage(receiver)).toEqual(offer);
    const candidate = {
      type: 'candidate',
      candidate: {
        candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host',
        sdpMid: '0',
        sdpMLineIndex: 0,
        usernameFragment: null,
      },
    } as const;
    receiver.send(candidate);
    expect(await nextMessage(sender)).toEqual(candidate);

    const left = nextMessage(sender);
    receiver.close();
    expect(await left).toEqual({ type: 'peer-left' });
  });

  test('keeps messages until a handler is set', async () => {
    const sender = await join('sender');
    const receiver = await join('receiver');
    receiver.send({ type: 'bye' });
    receiver.close();
    const messages: string[] = [];
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        sender.onMessage = ({ type }) => {
          messages.push(type);
          if (type === 'peer-left') resolve();
        };
      }, 50);
    });
    expect(messages).toEqual(['peer-joined', 'bye', 'peer-left']);
  });

  test('refuses a second peer of the same role, until the first has gone', async () => {
    const first = await join('sender');
    await expect(join('sender')).rejects.toMatchObject({
      name: 'ConnectError',
      code: 'signalling-refused',
      message: 'room room already has a sender: use another room',
    });
    await expect(join('sender', 'another-room')).resolves.toBeDefined();
    const receiver = await join('receiver');
    const left = nextMessage(receiver);
    first.close();
    expect(await left).toEqual({ type: 'peer-left' });
    await expect(join('sender')).resolves.toMatchObject({ peerPresent: true });
  });

  test('says what to do where nobody answers', async () => {
    const { url } = server;
    await server.close();
    await expect(joinRoom({ url, room: 'room', role: 'sender', WebSocket })).rejects.toThrow(
      `nobody answers at ${url}: start \`npx visavis signal\``,
    );
  });

  test('gives up when told to', async () => {
    const silent = new (await import('node:net')).Server();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const controller = new AbortController();
    const joining = joinRoom({
      url: `ws://127.0.0.1:${port}`,
      room: 'room',
      role: 'sender',
      WebSocket,
      signal: controller.signal,
    });
    silent.once('connection', () => controller.abort(new Error('changed my mind')));
    await expect(joining).rejects.toThrow('changed my mind');
    silent.close();
  });

  test('tells a client that the server has gone', async () => {
    const sender = await join('sender');
    const reason = new Promise<string>((resolve) => {
      sender.onClose = resolve;
    });
    await server.close();
    expect(await reason).toContain('signalling connection ended');
    sender.send({ type: 'bye' });
  });

  test.each([
    { url: 'http://127.0.0.1' },
    { url: 'nonsense' },
    { room: 'no spaces' },
    { room: 'x'.repeat(65) },
    { role: 'both' as Role },
  ])('names a bad option: %o', async (bad) => {
    const options = { url: server.url, room: 'room', role: 'sender' as Role, WebSocket };
    await expect(joinRoom({ ...options, ...bad })).rejects.toThrow(TypeError);
    await expect(joinRoom({ ...options, ...bad })).rejects.toThrow(Object.keys(bad)[0]);
  });
});

describe('the signalling server', () => {
  test.each([
    ['no JSON', 'garbage', 4400, 'malformed'],
    ['no object', '[]', 4400, 'malformed'],
    ['an unknown type', '{"type":"shout"}', 4400, 'unknown-type'],
    ['a bad room', '{"type":"join","room":"../x","role":"sender"}', 4400, 'malformed'],
    ['a bad role', '{"type":"join","room":"x","role":"king"}', 4400, 'malformed'],
    ['words before join', '{"type":"bye"}', 4408, 'join'],
    ['binary', Buffer.from('{"type":"bye"}'), 4400, 'binary'],
    ['an oversize message', 'x'.repeat(MAX_SIGNAL_BYTES + 1), 1009, ''],
  ])('closes on %s', async (_, data, code, reason) => {
    const socket = await rawSocket();
    const close = closed(socket);
    socket.send(data);
    expect(await close).toMatchObject({ code, reason: expect.stringContaining(reason) });
    await expect(join('sender')).resolves.toBeDefined();
  });

  test('closes on a second join and on a flood', async () => {
    const socket = await rawSocket();
    const close = closed(socket);
    socket.send('{"type":"join","room":"x","role":"sender"}');
    socket.send('{"type":"join","room":"y","role":"sender"}');
    expect(await close).toEqual({ code: 4400, reason: 'already joined' });

    const flooding = await rawSocket();
    const flooded = closed(flooding);
    flooding.send('{"type":"join","room":"x","role":"sender"}');
    for (let i = 0; i < 101; i++) flooding.send('{"type":"bye"}');
    expect((await flooded).code).toBe(4429);
  });

  test('survives garbage on the socket', async () => {
    const messages = fc.array(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(messages, async (garbage) => {
        const socket = await rawSocket();
        for (const data of garbage) socket.send(data);
        socket.close();
      }),
      { numRuns: 100, seed: 1 },
    );
    await expect(join('sender')).resolves.toBeDefined();
  });
});

describe('signalling messages', () => {
  const almostMessages = fc.record(
    {
      type: fc.oneof(
        fc.constantFrom('join', 'joined', 'description', 'candidate', 'bye', 'peer-left'),
        fc.string(),
      ),
      room: fc.anything(),
      role: fc.oneof(fc.constantFrom('sender', 'receiver'), fc.anything()),
      peerPresent: fc.anything(),
      description: fc.oneof(fc.anything(), fc.record({ type: fc.string(), sdp: fc.string() })),
      candidate: fc.oneof(fc.anything(), fc.record({ candidate: fc.string() })),
    },
    { requiredKeys: [] },
  );

  test('are read or dropped, and never throw', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      almostMessages.map((m) => JSON.stringify(m)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const parsed of [parseClientMessage(text), parseServerMessage(text)]) {
          if (!parsed.ok)
            expect(['malformed', 'unknown-type', 'over-limit']).toContain(parsed.drop);
        }
      }),
      { numRuns: 10_000, seed: 1 },
    );
  });

  test('are read as nothing but the schema', () => {
    fc.assert(
      fc.property(almostMessages, (message) => {
        const parsed = parseClientMessage(JSON.stringify(message));
        if (!parsed.ok) return;
        const again = parseClientMessage(JSON.stringify(parsed.value));
        expect(again).toEqual(parsed);
        const allowed = { join: ['type', 'room', 'role'], bye: ['type'] } as const;
        const { type } = parsed.value;
        const keys = type === 'join' || type === 'bye' ? allowed[type] : ['type', type];
        expect(Object.keys(parsed.value).sort()).toEqual([...keys].sort());
      }),
      { numRuns: 5_000, seed: 1 },
    );
  });
});
