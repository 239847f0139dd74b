import { describe, expect, it } from 'vitest';
import { createPicture, type Picture } from '../src/geometry/picture.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { InvalidStateError } from '../src/protocol/errors.js';
import { parseIdentity } from '../src/protocol/identity.js';
import { HeadCrop, toCropUnits } from '../src/sender/crop.js';
import { enrol } from '../src/sender/enrolment.js';
import {
  EXPRESSION_PROMPTS,
  type ExpressionPrompt,
  fulfilment,
  measureFace,
} from '../src/sender/enrolment-prompts.js';
import { createLiveEnrolment, type EnrolmentStatus } from '../src/sender/live-enrolment.js';
import { type FacePose, posedFace } from './support/posed-face.js';

/** Milliseconds between frames: 5 to 25 a second, as they come. */
const INTERVALS = [40, 130, 55, 200, 80, 60];

/** What fulfils a prompt, and no other. */
const POSES: Record<ExpressionPrompt, FacePose> = {
  'turn-left': { turn: 27 },
  'turn-right': { turn: -27 },
  smile: { smile: 1.15 },
  'open-mouth': { mouth: 16 },
  'close-eyes': { eyes: 0.3 },
};

/** A live stream before an enrolment: what it shows is said frame by frame. */
function stream(mode: 'quick' | 'guided', intervals = INTERVALS, size: 256 | 512 = 256) {
  const enrolment = createLiveEnrolment({ mode, size });
  const statuses: EnrolmentStatus[] = [enrolment.status];
  const shown = new Map<Picture, FacePose>();
  let frame = 0;
  return {
    enrolment,
    statuses,
    now: 1000,
    kept: 0,
    /** What the pictures of the finished enrolment show. */
    poses: () => enrolment.finish().map(({ picture }) => shown.get(picture)!),
    /** One frame. */
    show(poses: FacePose[], width = 640): void {
      this.now += intervals[frame++ % intervals.length];
      const faces = poses.map((pose) => ({ landmarks: posedFace(pose), presence: 1 }));
      if (enrolment.look(faces, this.now) === 'keep') {
        this.kept++;
        const picture = createPicture(width, 480);
        shown.set(picture, poses[0]);
        enrolment.keep(picture);
      }
      statuses.push(enrolment.status);
    },
    /** Frames for a time, ms; ends early when the prompt changes. Whether it did. */
    showFor(ms: number, poses: FacePose[]): boolean {
      const { prompt } = enrolment.status;
      for (const end = this.now + ms; this.now < end; ) {
        this.show(poses);
        if (enrolment.status.prompt !== prompt) return true;
      }
      return false;
    },
  };
}

const progressOf = (statuses: readonly EnrolmentStatus[]) => statuses.map((s) => s.progress);

function expectRising(values: readonly number[]): void {
  values.forEach((value, i) => {
    expect(value).toBeGreaterThanOrEqual(i === 0 ? 0 : values[i - 1]);
  });
}

describe('quick live enrolment', () => {
  it.each([
    { fps: '5 to 25', intervals: INTERVALS, most: 12 },
    { fps: '25', intervals: [40], most: 12 },
    { fps: '5', intervals: [200], most: 6 },
    { fps: '1', intervals: [1000], most: 5 },
  ])('takes a second of one face at $fps frames a second', ({ intervals, most }) => {
    const live = stream('quick', intervals);
    expect(live.enrolment.status).toEqual({ prompt: 'hold-still', progress: 0, face: 'none' });
    const start = live.now;
    expect(live.showFor(10_000, [{}])).toBe(true);
    expect(live.now - start).toBeGreaterThanOrEqual(1000);
    expect(live.enrolment.status).toEqual({ prompt: 'done', progress: 1, face: 'one' });
    expectRising(progressOf(live.statuses));
    const frames = live.enrolment.finish();
    expect(frames.length).toBeGreaterThanOrEqual(3);
    expect(frames.length).toBeLessThanOrEqual(most);
    expect(frames.every(({ landmarks, atRest }) => landmarks.length === 1434 && !atRest)).toBe(
      true,
    );
    live.show([{}]);
    expect(live.enrolment.finish()).toEqual(frames);
  });

  it('takes a face that talks, but waits while it is turned away', () => {
    const live = stream('quick');
    expect(live.showFor(3000, [{ turn: 35 }])).toBe(false);
    expect(live.enrolment.status).toEqual({ prompt: 'hold-still', progress: 0, face: 'one' });
    expect(live.showFor(1500, [{ turn: -20, mouth: 12 }])).toBe(true);
  });

  it('stands still without a face and with two', () => {
    const live = stream('quick');
    live.showFor(500, [{}]);
    const { progress } = live.enrolment.status;
    expect(live.showFor(1900, [])).toBe(false);
    expect(live.enrolment.status).toEqual({ prompt: 'hold-still', progress, face: 'none' });
    live.show([{}]);
    expect(live.showFor(3000, [{}, { x: 100, size: 100 }])).toBe(false);
    expect(live.enrolment.status).toEqual({ prompt: 'hold-still', progress, face: 'several' });
    // A face on the wall is nobody.
    expect(live.showFor(700, [{}, { x: 100, size: 70 }])).toBe(true);
    expectRising(progressOf(live.statuses));
  });

  it('does not see a face that is too small for the size', () => {
    const live = stream('quick', INTERVALS, 512);
    live.showFor(3000, [{ size: 60 }]);
    expect(live.enrolment.status).toEqual({ prompt: 'hold-still', progress: 0, face: 'none' });
    expect(live.showFor(1500, [{ size: 70 }])).toBe(true);
  });

  it.each([
    { what: 'cut', gap: 0, second: { x: 390, turn: 5 } },
    { what: 'long absence', gap: 2300, second: { turn: 5 } },
    { what: 'second face that stays alone', gap: 0, second: { x: 500, turn: 5 }, both: true },
  ])('starts again after a $what, with nothing of before', ({ gap, second, both }) => {
    const live = stream('quick');
    live.showFor(900, [{}]);
    expect(live.enrolment.status.progress).toBeGreaterThan(0.8);
    if (gap > 0) live.showFor(gap, []);
    if (both) live.showFor(500, [{}, second]);
    live.show([second]);
    expect(live.enrolment.status.progress).toBe(0);
    expect(live.showFor(1500, [second])).toBe(true);
    expect(live.poses()).toEqual(live.poses().map(() => second));
  });

  it('starts again with pictures of another size', () => {
    const live = stream('quick');
    live.showFor(500, [{}]);
    for (let i = 0; i < 40; i++) live.show([{}], 320);
    expect(live.enrolment.status.prompt).toBe('done');
    expect(live.enrolment.finish().every(({ picture }) => picture.width === 320)).toBe(true);
  });

  it('has nothing to skip', () => {
    const live = stream('quick');
    live.showFor(500, [{}]);
    live.enrolment.skip(live.now);
    expect(live.enrolment.status.prompt).toBe('hold-still');
  });

  it('names a bad option and refuses misuse', () => {
    expect(() => createLiveEnrolment({ mode: 'slow' as 'quick', size: 256 })).toThrow(/^mode: /);
    expect(() => createLiveEnrolment({ mode: 'quick', size: 300 as 256 })).toThrow(/^size: /);
    const { enrolment } = stream('quick');
    expect(() => enrolment.finish()).toThrow(InvalidStateError);
    expect(() => enrolment.keep(createPicture(640, 480))).toThrow(InvalidStateError);
    expect(enrolment.look([{ landmarks: posedFace({}), presence: 1 }], 0)).toBe('keep');
    enrolment.keep(createPicture(640, 480));
    expect(() => enrolment.keep(createPicture(640, 480))).toThrow(InvalidStateError);
  });

  it('ends only with pictures: what is asked for and not given does not count', () => {
    const enrolment = createLiveEnrolment({ mode: 'quick', size: 256 });
    const faces = [{ landmarks: posedFace({}), presence: 1 }];
    for (let ms = 0; ms < 5000; ms += 100) enrolment.look(faces, ms);
    expect(enrolment.status).toMatchObject({ prompt: 'hold-still', progress: 0 });
  });
});

describe('guided live enrolment', () => {
  /** A stream whose face at rest is done. */
  function rested(intervals = INTERVALS) {
    const live = stream('guided', intervals);
    expect(live.showFor(1500, [{}])).toBe(true);
    expect(live.enrolment.status).toEqual({ prompt: 'turn-left', progress: 1 / 6, face: 'one' });
    return live;
  }

  /** Shows a pose on the way from rest, and until its prompt is fulfilled. */
  function perform(live: ReturnType<typeof stream>, prompt: ExpressionPrompt): void {
    expect(live.enrolment.status.prompt).toBe(prompt);
    const pose = POSES[prompt];
    const { turn = 0, smile = 1, mouth = 0, eyes = 1 } = pose;
    live.show([{ turn: turn / 3, smile: (2 + smile) / 3, mouth: mouth / 3, eyes: (2 + eyes) / 3 }]);
    expect(live.showFor(1000, [pose])).toBe(true);
  }

  it('asks for one after the other and keeps the best of each', () => {
    const live = rested();
    for (const prompt of EXPRESSION_PROMPTS) {
      perform(live, prompt);
      live.showFor(300, [{}]);
    }
    expect(live.enrolment.status).toEqual({ prompt: 'done', progress: 1, face: 'one' });
    expectRising(progressOf(live.statuses));
    expect(live.poses()).toEqual([
      {},
      {},
      {},
      ...EXPRESSION_PROMPTS.map((prompt) => POSES[prompt]),
    ]);
    const marked = live.enrolment.finish().map(({ atRest = false }) => atRest);
    expect(marked).toEqual([true, true, true, false, false, false, false, false]);
  });

  it('takes the face at rest: eyes open, mouth closed', () => {
    const live = stream('guided');
    live.showFor(900, [{ mouth: 16 }]);
    live.showFor(300, [{ eyes: 0.2 }]);
    live.showFor(900, [{}]);
    expect(live.enrolment.status.prompt).toBe('turn-left');
    for (let i = 0; i < 5; i++) live.enrolment.skip(live.now);
    expect(live.poses()).toEqual([{}, {}, {}]);
  });

  it('takes whoever does not hold still as they are, after five seconds or a skip', () => {
    const live = stream('guided');
    expect(live.showFor(4800, [{ mouth: 16 }])).toBe(false);
    expect(live.showFor(2000, [{ mouth: 16 }])).toBe(true);
    const skipped = stream('guided');
    skipped.showFor(300, [{ mouth: 16 }]);
    skipped.enrolment.skip(skipped.now);
    expect(skipped.enrolment.status.prompt).toBe('hold-still');
    expect(skipped.showFor(1500, [{ mouth: 16 }])).toBe(true);
    const enough = stream('guided');
    enough.showFor(700, [{}]);
    enough.enrolment.skip(enough.now);
    expect(enough.enrolment.status.prompt).toBe('turn-left');
  });

  it('knows left from right', () => {
    const live = rested();
    expect(live.showFor(3000, [POSES['turn-right']])).toBe(false);
    expect(live.enrolment.status.progress).toBe(1 / 6);
    perform(live, 'turn-left');
  });

  it('measures against the rest of the person', () => {
    const live = stream('guided');
    const rest: FacePose = { turn: 12, eyes: 0.6, smile: 1.2 };
    expect(live.showFor(1500, [rest])).toBe(true);
    const asked: FacePose[] = [
      { ...rest, turn: 37 },
      { ...rest, turn: -13 },
      { ...rest, smile: 1.35 },
      { ...rest, mouth: 16 },
      { ...rest, eyes: 0.2 },
    ];
    for (const pose of asked) {
      expect(live.showFor(400, [rest])).toBe(false);
      expect(live.showFor(1000, [pose])).toBe(true);
    }
    expect(live.poses().slice(3)).toEqual(asked);
  });

  it('is not done before 200 ms', () => {
    const live = rested([75]);
    for (let i = 0; i < 6; i++) {
      for (let n = 0; n < 3; n++) live.show([POSES['turn-left']]);
      live.show([{}]);
    }
    expect(live.enrolment.status.prompt).toBe('turn-left');
    for (let n = 0; n < 4; n++) live.show([POSES['turn-left']]);
    expect(live.enrolment.status.prompt).toBe('turn-right');
  });

  it('keeps the strongest expression, and a still frame before a blurred one', () => {
    const live = rested([60]);
    const turned: FacePose[] = [
      { turn: 28, x: 300 },
      { turn: 28, x: 330 },
      { turn: 26, x: 330 },
      { turn: 50, x: 330 },
      { turn: 23, x: 330 },
    ];
    for (const pose of turned) live.show([pose]);
    for (let i = 0; i < 2; i++) live.enrolment.skip(live.now);
    expect(live.enrolment.status.prompt).toBe('open-mouth');
    for (const mouth of [12, 22, 16, 14, 12]) live.show([{ mouth }]);
    live.enrolment.skip(live.now);
    expect(live.poses().slice(3)).toEqual([turned[2], { mouth: 22 }]);
  });

  it('leaves a prompt after five seconds of a face, with what is worth keeping', () => {
    const live = rested();
    const half = { turn: 14 };
    expect(live.showFor(2000, [half])).toBe(false);
    expect(live.showFor(1500, [])).toBe(false);
    expect(live.showFor(2700, [half])).toBe(false);
    expect(live.showFor(700, [half])).toBe(true);
    for (const _ of EXPRESSION_PROMPTS.slice(1)) expect(live.showFor(5500, [{}])).toBe(true);
    expect(live.enrolment.status).toMatchObject({ prompt: 'done', progress: 1 });
    expect(live.poses()).toEqual([{}, {}, {}, half]);
  });

  it('counts a stream that stood still as one frame', () => {
    const live = rested();
    live.now += 60_000;
    live.show([{}]);
    expect(live.enrolment.status.prompt).toBe('turn-left');
  });

  it('goes on with a skip', () => {
    const live = rested();
    for (const prompt of EXPRESSION_PROMPTS) {
      expect(live.enrolment.status.prompt).toBe(prompt);
      live.enrolment.skip(live.now);
    }
    live.enrolment.skip(live.now);
    expect(live.enrolment.status).toMatchObject({ prompt: 'done', progress: 1 });
    expect(live.poses()).toEqual([{}, {}, {}]);
    expectRising(progressOf(live.statuses));
  });

  it('forgets everything where another person may have come', () => {
    const live = rested();
    perform(live, 'turn-left');
    live.show([{ x: 500 }]);
    expect(live.enrolment.status).toEqual({ prompt: 'hold-still', progress: 0, face: 'one' });
    expect(live.showFor(1500, [{ x: 500 }])).toBe(true);
    for (let i = 0; i < 5; i++) live.enrolment.skip(live.now);
    expect(live.poses().every(({ x }) => x === 500)).toBe(true);
  });

  it('asks for few pictures, however long it takes', () => {
    const live = stream('guided');
    for (let i = 0; live.enrolment.status.prompt !== 'done'; i++) {
      live.show([{ mouth: 8 + 2 * Math.sin(i), turn: 10 * Math.sin(i / 3) }]);
    }
    expect(live.enrolment.finish().length).toBeLessThanOrEqual(8);
    expect(live.kept).toBeLessThan(25);
  });

  it('makes crop and neutral face of the frames at rest, references of all', async () => {
    const live = rested();
    for (const prompt of EXPRESSION_PROMPTS) {
      perform(live, prompt);
      live.showFor(300, [{}]);
    }
    // People come nearer as they go on.
    const frames = live.enrolment.finish().map((frame, i) => {
      if (i < 3) return frame;
      const landmarks = posedFace({ size: 150, ...POSES[EXPRESSION_PROMPTS[i - 3]] });
      return { ...frame, landmarks };
    });
    const { crop, identity, referenceCount } = await enrol(frames, {
      size: 256,
      references: 4,
      codec: createNodePictureCodec(),
    });
    const face = posedFace({});
    expect(crop.square).toEqual(new HeadCrop([face], 640, 480).square);
    const parsed = parseIdentity(identity);
    if (!parsed.ok) throw new Error(parsed.drop);
    const units = toCropUnits(face, crop.square);
    const { neutral, references } = parsed.value;
    const offset = neutral.map((value, i) => value - units[i] + units[i % 3] - neutral[i % 3]);
    expect(Math.max(...offset.map(Math.abs))).toBeLessThan(0.05);
    // One of the three at rest, then what differs most from it and from each other.
    const rest = measureFace(face);
    const shown = references.map(({ landmarks }) => {
      const measures = measureFace(landmarks);
      return EXPRESSION_PROMPTS.find((prompt) => fulfilment(prompt, measures, rest) >= 1);
    });
    expect(referenceCount).toBe(4);
    expect(shown[0]).toBeUndefined();
    expect(new Set(shown).size).toBe(4);
    expect(shown).toEqual(expect.arrayContaining(['turn-left', 'turn-right', 'open-mouth']));
  });
});
