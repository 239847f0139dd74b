import { buildReport } from '../../src/cli/report/build-report.js';
import type { FrameState } from '../../src/cli/report/logs.js';
import { describeMachine } from '../../src/cli/report/machine.js';
import type { CallRun } from '../call-run.js';

/** What one call came to. Shares are of the frames sent, 0–1; rates in kbps, the rest milliseconds. */
export interface CallFigures {
  readonly framesSent: number;
  /** Shown from their own motion. */
  readonly decodedShare: number;
  /** Shown, but made up from others: interpolated, extrapolated, or the last picture held. */
  readonly concealedShare: number;
  readonly heldShare: number;
  /** Of the held ones: due while the decoder was busy, which no network is to blame for. */
  readonly skippedShare: number;
  readonly captureToShownP50Ms: number | null;
  readonly captureToShownP95Ms: number | null;
  readonly wireForwardKbps: number | null;
  readonly wireBackwardKbps: number | null;
  readonly connectMs: number | null;
  readonly connectToFirstFrameMs: number | null;
  /** From the end of the outage to the first frame on show that came after it. */
  readonly recoveryMs: number | null;
}

/** Of a call, and of an outage that ended at the moment (epoch milliseconds). */
export function callFigures({ sender, receiver }: CallRun, outageEndMs?: number): CallFigures {
  const report = buildReport({ version: '', sender, receiver, machine: describeMachine() });
  const { stages_ms: stages, wire } = report;
  const sent = sender.framesSent;
  const share = (...states: FrameState[]) =>
    receiver.frames.filter(({ state }) => states.includes(state)).length / sent;
  return {
    framesSent: sent,
    decodedShare: share('decoded'),
    concealedShare: share('interpolated', 'extrapolated', 'held'),
    heldShare: share('held'),
    skippedShare: receiver.framesSkipped / sent,
    captureToShownP50Ms: stages.capture_to_shown.p50,
    captureToShownP95Ms: stages.capture_to_shown.p95,
    wireForwardKbps: wire.steady_forward_kbps,
    wireBackwardKbps: wire.steady_backward_kbps,
    connectMs: report.connect_ms,
    connectToFirstFrameMs: report.connect_to_first_frame_ms,
    recoveryMs: outageEndMs === undefined ? null : recovery(receiver.frames, outageEndMs),
  };
}

function recovery(frames: CallRun['receiver']['frames'], endMs: number): number | null {
  const fresh = frames
    .filter(({ state, receivedMs }) => state === 'decoded' && (receivedMs ?? 0) >= endMs)
    .map(({ shownMs }) => shownMs - endMs);
  return fresh.length > 0 ? Math.min(...fresh) : null;
}
