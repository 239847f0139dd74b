import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { VERSION } from '../src/version.js';
import { writeFakeCamera } from './support/fake-camera.js';
import { openSite, type Site } from './support/talking-head-site.js';
import { describeNeeds, itNeeds } from './tools.js';

const SAMPLE = fileURLToPath(new URL('../samples/sample.webp', import.meta.url));

/** What is refused, and how. */
type Refused = readonly [
  which: 'sender' | 'receiver',
  options: Record<string, unknown>,
  says: string,
];

const VIDEO = 'track: must be a live video MediaStreamTrack';
const FOLDER = 'must be an address';
const DECODER = "decoder: must be one of 'auto', 'webgpu', 'wasm', 'warp'";
const LABEL = 'label.text: must be 1–48 characters: a synthesised picture says so';
const BAD_OPTIONS: readonly Refused[] = [
  ['sender', { track: null }, VIDEO],
  ['sender', { connection: {} }, 'connection: must be an RTCPeerConnection'],
  ['sender', { channels: null }, 'channels.control: must be an RTCDataChannel'],
  ['sender', { worker: 'worker.js' }, 'worker: must be a Worker or a function that makes one'],
  ['sender', { assets: 5 }, `assets: ${FOLDER}, not 5`],
  ['sender', { model: 'http://[' }, `model: ${FOLDER}, not http://[`],
  ['sender', { tracker: 7 }, `tracker: ${FOLDER}, not 7`],
  ['sender', { tracker: {} }, `tracker.faceLandmarker: ${FOLDER}`],
  [
    'sender',
    { enrolment: 'slow' },
    "enrolment: must be 'quick', 'guided' or a saved enrolment, not slow",
  ],
  [
    'sender',
    { enrolment: { version: 2 } },
    "enrolment: must be 'quick', 'guided' or a saved enrolment",
  ],
  ['sender', { size: 300 }, 'size: must be one of 256, 512, not 300'],
  ['sender', { fps: 0 }, 'fps: must be a number 1–30, not 0'],
  ['sender', { fps: '25' }, 'fps: must be a number 1–30, not 25'],
  ['sender', { maxLatencyMs: -1 }, 'maxLatencyMs: must be a number 0–1000, not -1'],
  ['receiver', { connection: null }, 'connection: must be an RTCPeerConnection'],
  ['receiver', { channels: {} }, 'channels.control: must be an RTCDataChannel'],
  ['receiver', { decoder: 'gpu' }, `${DECODER}, not gpu`],
  ['receiver', { size: 1024 }, 'size: must be one of 256, 512, not 1024'],
  ['receiver', { unsigned: true }, "unsigned: must be one of 'refuse', 'show'"],
  ['receiver', { label: 'Made up' }, 'label: must be an object'],
  ['receiver', { label: { text: ' ' } }, LABEL],
  ['receiver', { label: { text: 'x'.repeat(49) } }, LABEL],
  [
    'receiver',
    { label: { position: 'top' } },
    "label.position: must be one of 'top-left', 'top-right', 'bottom-left', 'bottom-right', not top",
  ],
];

describeNeeds('chromium', 'ffmpeg')('the ends of a talking head', () => {
  const it = itNeeds('chromium', 'ffmpeg');
  let camera: string;
  let site: Site;

  beforeAll(async () => {
    camera = await writeFakeCamera(SAMPLE);
    site = await openSite({ camera });
  });
  afterEach(async () => expect(await site.closePages()).toEqual([]));
  afterAll(async () => {
    await site?.close();
    if (camera) await rm(camera);
  });

  it('refuse bad options by their names, and leave no worker', async () => {
    const { page, run } = await site.open();
    for (const [which, options, says] of BAD_OPTIONS) {
      expect(await run('refusal', which, options), says).toBe(`TypeError: ${says}`);
    }
    expect(await run('trackRefusals')).toEqual(Array(3).fill(`TypeError: ${VIDEO}`));
    expect(page.workers()).toEqual([]);
  });

  it('say what cannot be loaded', async () => {
    const { page, run } = await site.open();
    const url = (path: string) => `${site.url}${path}`;
    for (const which of ['sender', 'receiver'] as const) {
      expect(await run('refusal', which, { assets: 'nothing' })).toBe(
        `WorkerError: the worker failed: ${url('nothing/visavis-worker.js')} cannot be loaded: run npx visavis assets`,
      );
      expect(await run('refusal', which, { model: 'nothing' })).toBe(
        `WorkerError: pack ${url('nothing/')}: manifest.json cannot be read (the server says 404 Not Found)`,
      );
      expect(
        await run('refusal', which, { assets: 'old', model: 'visavis/packs/portrait-256-cpu' }),
      ).toBe(
        `WorkerError: the page has visavis ${VERSION} and its worker 0.0.0: run \`npx visavis assets\` again`,
      );
    }
    expect(await run('refusal', 'sender', { tracker: 'nothing' })).toBe(
      `WorkerError: the tracker pack in ${url('nothing/')} cannot be used (manifest.json cannot be read: the server says 404 Not Found): serve the files of one version of it, unchanged`,
    );
    expect(await run('refusal', 'sender', { tracker: { faceLandmarker: 'nothing.task' } })).toMatch(
      `WorkerError: ${url('nothing.task')} cannot be read: the server says 404 Not Found`,
    );
    expect(await run('factoryRefusal')).toBe(
      'WorkerError: the worker failed: its script cannot be loaded',
    );
    // Addresses of every kind, and elsewhere than by default.
    expect(
      await run('refusal', 'sender', {
        assets: url('visavis'),
        model: '/visavis/packs/portrait-256-cpu/',
        tracker: url('visavis/packs/tracker'),
      }),
    ).toBe('created');
    expect(page.workers()).toEqual([]);
  });

  it('take no enrolment of another device', async () => {
    const { run } = await site.open();
    const message = 'enrolment: must be one that was made and signed on this device';
    expect(await run('otherEnrolment')).toEqual([
      { state: 'failed', error: { code: 'failed', message } },
      'failed',
    ]);
  });

  it('meet when the connection comes late, and part when the sender hangs up', async () => {
    const { run } = await site.open();
    await run('startCall', { connect: 'when-enrolled', receiver: { decoder: 'warp' } });
    await run('until', 'streaming', 'showing');
    await run('shown', 5);
    await run('close', 'sender');
    await run('until', 'ended', 'ended');
    await run('close', 'receiver');
    expect(await run('afterClose')).toEqual({
      states: ['ended', 'ended'],
      senderStats: 'InvalidStateError: getStats: it is closed',
      receiverStats: 'InvalidStateError: getStats: it is closed',
      replaceTrack: 'InvalidStateError: replaceTrack: the sender is closed',
      shown: 'ended',
      channels: ['open', 'open'],
    });
    expect(await run('openTracks')).toEqual({ camera: 'live' });
  });

  it('part when the receiver hangs up, and meet again with the same worker', async () => {
    const { page, run } = await site.open();
    for (const resume of [false, true]) {
      await run('startCall', { shared: true, resume, receiver: { decoder: 'warp' } });
      await run('until', 'streaming', 'showing');
      await run('shown', 5);
      await run('close', 'receiver');
      await run('until', 'ended', 'ended');
      await run('endCall');
      expect(page.workers()).toHaveLength(1);
    }
  });

  it('part when a connection is closed without a word, on either side', async () => {
    const { run } = await site.open();
    for (const side of [0, 1] as const) {
      await run('startCall', { shared: true, resume: side === 1, receiver: { decoder: 'warp' } });
      await run('until', 'streaming', 'showing');
      await run('closeConnection', side);
      await run('until', 'ended', 'ended');
      await run('endCall');
    }
  });

  it('part during the enrolment, by a word and by the connection', async () => {
    const { page, run } = await site.open();
    await run('startCall', { connect: 'after' });
    await run('replaceTrack', 'grey');
    await run('endCall');
    await run('until', 'ended', 'ended');
    expect(page.workers()).toEqual([]);

    await run('startCall');
    await run('replaceTrack', 'grey');
    await run('closeConnection', 1);
    await run('until', 'ended', 'ended');
    await run('endCall');
  });

  it('bear that their worker is terminated', async () => {
    const { run } = await site.open();
    await run('startCall', { shared: true, receiver: { decoder: 'warp' } });
    expect(await run('terminateWorker')).toEqual([
      'WorkerError: the worker does not answer',
      'ended',
      'ended',
    ]);
  });
});
