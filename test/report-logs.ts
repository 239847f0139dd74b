import type { ReceiverLog, SenderLog, WireLog } from '../src/cli/report/logs.js';

const START = 1_700_000_000_000;

/** A run of 200 frames at 25 fps whose figures can be worked out by hand. */
export const RUN = { start: START, frames: 200, frameMs: 40, firstIndex: 25 };

/**
 * Counters that stand at `identity` bytes one second into the run and then grow by `perSecond`
 * (given in bytes; payload a quarter of it) until the end, ten seconds in.
 */
function wire(identity: number, perSecond: number, back: number): WireLog {
  const series = Array.from({ length: 11 }, (_, second) => {
    const steady = Math.max(0, second - 1);
    const sent = second === 0 ? 0 : identity + steady * perSecond;
    const received = second * back;
    return {
      ms: START + second * 1000,
      sent,
      received,
      payloadSent: sent / 4,
      payloadReceived: received / 4,
    };
  });
  return { sentBytes: series[10].sent, receivedBytes: series[10].received, series };
}

export function senderLog(): SenderLog {
  return {
    clip: 'samples/sample.webp',
    tracker: 'tracker',
    fps: 25,
    framesSent: RUN.frames,
    frames: Array.from({ length: RUN.frames }, (_, at) => {
      const captureMs = START + 1500 + at * RUN.frameMs;
      const trackMs = captureMs + 12 + (at % 10);
      return {
        index: RUN.firstIndex + at,
        captureMs,
        trackMs,
        encodeMs: trackMs + 0.5,
        sentMs: trackMs + 0.5 + (at % 2 === 0 ? RUN.frameMs : 0),
      };
    }),
    identityBytes: 61_440,
    motionBytes: 1_900,
    pictureBytes: 0,
    controlBytes: 512,
    wire: wire(70_000, 1_250, 250),
    link: null,
    peerJoinedMs: START + 100,
    connectedMs: START + 400,
    identityDeliveredMs: START + 1_000,
    referencesDeliveredMs: START + 1_000,
    noFaceFrames: 3,
    startedMs: START,
    endedMs: START + 10_000,
    size: 256,
    references: 4,
    bundle: 2,
    preset: 'balanced',
    rate: {
      framesPerPacket: 2,
      stride: 1,
      quantiser: 4,
      redundancy: 0,
      reason: 'preset',
      limitBps: 20_000,
      motionBps: 8_000,
      pictureBps: 12_000,
      bundlingMs: 40,
      frameBytes: 14,
      loss: 0,
      queueMs: 0,
    },
  };
}

export function receiverLog(): ReceiverLog {
  const frames = senderLog().frames.map(({ index, sentMs }, at) => {
    const state = at % 50 === 20 ? 'interpolated' : at % 100 === 71 ? 'held' : 'decoded';
    const receivedMs = sentMs + 2 + (at % 7);
    const bufferMs = receivedMs + 30;
    const decodeMs = bufferMs + 5 + (at % 3);
    return {
      index,
      receivedMs: state === 'decoded' ? receivedMs : null,
      bufferMs: state === 'decoded' ? bufferMs : null,
      decodeMs: state === 'held' ? null : decodeMs,
      shownMs: decodeMs + 1,
      state,
    } as const;
  });
  return {
    frames,
    framesReceived: 194,
    framesShown: 200,
    framesConcealed: 6,
    framesSkipped: 2,
    drops: { 'too-old': 2, malformed: 0 },
    peerJoinedMs: START + 101,
    connectedMs: START + 401,
    identityMs: START + 1_000,
    firstFrameMs: START + 1_301,
    wire: wire(3_000, 250, 1_250),
    link: null,
    backwardBytes: 800,
    packName: 'warp',
    packSha256: 'ab'.repeat(32),
    startedMs: START,
    endedMs: START + 10_000,
  };
}
