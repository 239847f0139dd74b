import type { Landmarks } from '../geometry/landmarks.js';
import { LEFT_LIDS, LIPS_INNER, RIGHT_LIDS } from '../geometry/regions.js';
import { turnDegrees } from './face-distance.js';

/** What a guided enrolment asks for after the face at rest; left and right are the person's own. */
export type ExpressionPrompt = 'turn-left' | 'turn-right' | 'smile' | 'open-mouth' | 'close-eyes';

/** In the order that they are asked for: with the eyes closed nobody reads the next one. */
export const EXPRESSION_PROMPTS: readonly ExpressionPrompt[] = [
  'turn-left',
  'turn-right',
  'smile',
  'open-mouth',
  'close-eyes',
];

/** What the prompts are judged by. Lengths in space, so that a turned head measures like a frontal one. */
export interface FaceMeasures {
  /** Degrees towards the person's own left (`turnDegrees`). */
  readonly turn: number;
  /** Distance of the mouth's corners over that of the eyes' outer corners. */
  readonly mouthWidth: number;
  /** Mean distance of the lips' inner edges, likewise. */
  readonly mouthGap: number;
  /** Mean distance of the lids over the eye's width, of the eye that is open wider. */
  readonly eyeGap: number;
}

/**
 * Lips closer than this are closed. Measured: at most 0.014 in 95 neutral stills; medians over talking
 * clips 0.003–0.13.
 */
const CLOSED_MOUTH_GAP = 0.03;

/**
 * What a prompt asks for beside the face at rest. Measured (`bench/live-enrolment.ts`, docs/decisions.md): 20° of
 * `turnDegrees` are 17° of FaceLandmarker's own matrix; 51 of 68 people who smile on request widen their
 * mouths by 8 %; of 4.5 seconds of talking, 1 % turn so far, a third widen the mouth so far, and 7 %
 * (training clips) to 58 % (validation clips) open it so far. Blinks bring the lids to 0.16–0.42 of their gap at
 * rest, but with the embedded tracker's points only to 0.42–0.74.
 */
const TURN_DEGREES = 20;
const SMILE_WIDENING = 0.08;
const OPEN_MOUTH_GAP = 0.15;
const EYE_CLOSING = 0.35;
/** A head turned further than this is not one at rest, nor one that smiles into the camera. */
const FACING_DEGREES = 15;
/** Of a turn's frames, the best is turned by this many times of what is asked for. */
const BEST_TURN = 1.4;

/** Corners of the mouth, outer corners of the eyes: the right one first. */
const MOUTH_CORNERS = [61, 291] as const;
const OUTER_CORNERS = [33, 263] as const;
/** Where a ring of lids has its inner corner; its outer one is the first. */
const INNER_CORNER = 8;

function distance(landmarks: Landmarks, a: number, b: number): number {
  return Math.hypot(...[0, 1, 2].map((axis) => landmarks[3 * a + axis] - landmarks[3 * b + axis]));
}

/** Mean distance of the two sides of a ring that begins at one corner and has the other half-way. */
function gap(landmarks: Landmarks, ring: readonly number[]): number {
  const pairs = ring.length / 2 - 1;
  let sum = 0;
  for (let i = 1; i <= pairs; i++) sum += distance(landmarks, ring[i], ring[ring.length - i]);
  return sum / pairs;
}

const eyeGap = (landmarks: Landmarks, lids: readonly number[]): number =>
  gap(landmarks, lids) / distance(landmarks, lids[0], lids[INNER_CORNER]);

/** Measures a face; its unit does not matter. */
export function measureFace(landmarks: Landmarks): FaceMeasures {
  const unit = distance(landmarks, ...OUTER_CORNERS);
  return {
    turn: turnDegrees(landmarks),
    mouthWidth: distance(landmarks, ...MOUTH_CORNERS) / unit,
    mouthGap: gap(landmarks, LIPS_INNER) / unit,
    eyeGap: Math.max(eyeGap(landmarks, RIGHT_LIDS), eyeGap(landmarks, LEFT_LIDS)),
  };
}

/** Whether a face is one at rest, from the front: eyes may be closed, which no number tells of a stranger. */
export const isAtRest = ({ turn, mouthGap }: FaceMeasures): boolean =>
  Math.abs(turn) <= FACING_DEGREES && mouthGap <= CLOSED_MOUTH_GAP;

/** Of frames of a face at rest, the larger the better: eyes open, mouth closed. */
export const restRank = ({ eyeGap, mouthGap }: FaceMeasures): number => eyeGap - mouthGap;

/** Mean of some measures, one at least. */
export function meanMeasures(all: readonly FaceMeasures[]): FaceMeasures {
  const mean = (value: (face: FaceMeasures) => number) =>
    all.reduce((sum, face) => sum + value(face), 0) / all.length;
  return {
    turn: mean((face) => face.turn),
    mouthWidth: mean((face) => face.mouthWidth),
    mouthGap: mean((face) => face.mouthGap),
    eyeGap: mean((face) => face.eyeGap),
  };
}

/** How far a face does what a prompt asks for: 0 as at rest, 1 and more where it does. */
export function fulfilment(
  prompt: ExpressionPrompt,
  face: FaceMeasures,
  rest: FaceMeasures,
): number {
  const turn = face.turn - rest.turn;
  if (prompt === 'turn-left') return turn / TURN_DEGREES;
  if (prompt === 'turn-right') return -turn / TURN_DEGREES;
  if (Math.abs(turn) > FACING_DEGREES) return 0;
  if (prompt === 'smile') return (face.mouthWidth / rest.mouthWidth - 1) / SMILE_WIDENING;
  if (prompt === 'open-mouth') return (face.mouthGap - rest.mouthGap) / OPEN_MOUTH_GAP;
  return (1 - face.eyeGap / rest.eyeGap) / EYE_CLOSING;
}

/** Of a prompt's frames, the larger the better: of an expression the strongest, of a turn not all. */
export function frameRank(prompt: ExpressionPrompt, fulfilled: number): number {
  const isTurn = prompt === 'turn-left' || prompt === 'turn-right';
  return isTurn ? BEST_TURN - Math.abs(fulfilled - BEST_TURN) : fulfilled;
}
