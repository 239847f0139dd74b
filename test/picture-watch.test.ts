import { describe, expect, it } from 'vitest';
import { createPicture } from '../src/geometry/picture.js';
import { codeWithin } from '../src/sender/coded-picture.js';
import {
  compareCells,
  GRID_CELLS,
  GRID_SIDE,
  prepareCompared,
  WATCHED_SIZE,
} from '../src/sender/picture-difference.js';
import { type Look, PictureWatch } from '../src/sender/picture-watch.js';
import { ReferenceSets } from '../src/sender/reference-sets.js';
import { syntheticFace } from './synthetic-face.js';

/** A picture of `WATCHED_SIZE`: the grey level of each pixel. */
function picture(level: (x: number, y: number) => number) {
  const out = createPicture(WATCHED_SIZE, WATCHED_SIZE);
  for (let y = 0, at = 0; y < WATCHED_SIZE; y++) {
    for (let x = 0; x < WATCHED_SIZE; x++, at += 4) out.data.fill(level(x, y), at, at + 3);
  }
  return prepareCompared(out);
}

describe('the difference of pictures', () => {
  const edge = (at: number) => picture((x) => (x < at ? 60 : 180));

  it('is nothing for an edge a pixel beside or softer, and what it is for one farther', () => {
    expect(Math.max(...compareCells(edge(20), edge(20)))).toBe(0);
    expect(Math.max(...compareCells(edge(20), edge(21)))).toBe(0);
    const soft = picture((x) => (x < 19 ? 60 : x < 21 ? 120 : 180));
    expect(Math.max(...compareCells(edge(20), soft))).toBe(0);
    const far = compareCells(edge(16), edge(20));
    expect(far[2]).toBeCloseTo((120 * 4) / 8, 3);
    expect(far[0]).toBe(0);
  });

  it('is where something covers the picture, whichever of the two it is in', () => {
    const plain = picture(() => 100);
    const covered = picture((x, y) => (x >= 24 && x < 32 && y >= 40 && y < 48 ? 150 : 100));
    const cell = 5 * GRID_SIDE + 3;
    expect(compareCells(plain, covered)[cell]).toBeCloseTo(50, 3);
    expect(compareCells(covered, plain)[cell]).toBeCloseTo(50, 3);
    expect(compareCells(covered, plain)[cell + 1]).toBe(0);
  });
});

const cells = (level: number, worst = level) =>
  new Float32Array(GRID_CELLS).map((_, i) => (i < 4 ? worst : level));

/** A watch that is looked at ten times a second. */
function watched() {
  const watch = new PictureWatch();
  let nowMs = 0;
  return {
    watch,
    get nowMs() {
      return nowMs;
    },
    /** Looks for so long; gives the wishes, each once in a row. */
    look(ms: number, change: Partial<Look> & { readonly level?: number; readonly worst?: number }) {
      const { level = 1, worst = level, ...rest } = change;
      const wishes: string[] = [];
      for (const end = nowMs + ms; nowMs < end; nowMs += 100) {
        const verdict = watch.look({
          nowMs,
          face: 'one',
          cells: rest.face === 'none' ? undefined : cells(level, worst),
          gap: 0,
          still: false,
          ...rest,
        });
        const wish = verdict.wish ? `${verdict.wish} ${verdict.reason}` : '';
        if (wish && wish !== wishes.at(-1)) wishes.push(wish);
        if (verdict.wish === 'replace' || verdict.wish === 'add') {
          watch.sent(nowMs, verdict.reason !== 'uncovered');
        }
      }
      return wishes;
    },
  };
}

/** A watch after two references that did not help. */
function restless() {
  const call = watched();
  call.look(3000, {});
  for (let i = 0; i < 2; i++) {
    expect(call.look(600, { level: 40 })).toEqual(['replace changed']);
    call.watch.answered(call.nowMs, true, 'replaces');
  }
  return call;
}

describe('what is to be done about a picture', () => {
  it('is nothing while it is as it mostly is, and little is wrong for a moment', () => {
    const call = watched();
    expect(call.look(5000, { level: 1 })).toEqual([]);
    expect(call.look(300, { level: 8, worst: 20 })).toEqual([]);
    expect(call.look(3000, { level: 2 })).toEqual([]);
  });

  it('is a reference that stands alone, at once where it is surely wrong', () => {
    const call = watched();
    call.look(3000, {});
    expect(call.look(300, { level: 40 })).toEqual(['replace changed']);
    expect(call.nowMs).toBe(3300);
    const slow = watched();
    slow.look(3000, {});
    expect(slow.look(500, { level: 4, worst: 10 })).toEqual([]);
    expect(slow.look(100, { level: 4, worst: 10 })).toEqual(['replace changed']);
    const quicker = watched();
    quicker.look(3000, {});
    expect(quicker.look(300, { level: 5, worst: 18 })).toEqual([]);
    expect(quicker.look(100, { level: 5, worst: 18 })).toEqual(['replace changed']);
  });

  it('is one more reference where none shows the face like that', () => {
    const call = watched();
    call.look(3000, {});
    expect(call.look(1000, { gap: 1.2 })).toEqual(['add uncovered']);
    // Beside the others it would be a patchwork by pose.
    expect(call.look(1000, { level: 6, gap: 2 })).toEqual(['replace changed']);
  });

  it('is nothing that is better to have while the picture is wrong', () => {
    const call = watched();
    call.look(3000, {});
    call.look(500, { level: 40 });
    call.watch.answered(call.nowMs, true, 'replaces');
    expect(call.look(300, { level: 6, gap: 1.2 })).toEqual([]);
  });

  it('is one at a time, and one that was lost is sent again', () => {
    const call = watched();
    call.look(3000, {});
    expect(call.look(10_000, { level: 40 })).toEqual(['replace changed']);
    expect(call.look(10_000, { level: 40 })).toEqual(['replace changed']);
  });

  it('is to call off what is under way once the picture is right without', () => {
    const call = watched();
    call.look(3000, {});
    call.look(500, { level: 40 });
    const at = call.nowMs;
    const verdicts = [0, 100, 200].map((ms) =>
      call.watch.look({ nowMs: at + ms, face: 'one', cells: cells(1), gap: 0, still: false }),
    );
    expect(verdicts.map(({ cancel }) => cancel)).toEqual([false, false, true]);
  });

  it('are stills while there is no face, and no longer', () => {
    const call = watched();
    call.look(3000, {});
    expect(call.look(200, { face: 'none' })).toEqual([]);
    expect(call.watch.mode).toBe('motion');
    expect(call.look(1000, { face: 'none' })).toEqual(['picture no-face']);
    expect(call.watch.mode).toBe('pictures');
    call.look(300, {});
    expect(call.watch.mode).toBe('motion');
  });

  it('are stills while there are two faces', () => {
    const call = watched();
    call.look(3000, {});
    expect(call.look(1000, { face: 'several' })).toEqual(['picture several-faces']);
    call.look(1000, {});
    expect(call.watch.mode).toBe('motion');
  });

  it('are stills where two references in six seconds did not help, until the picture rests', () => {
    const call = restless();
    expect(call.look(1000, { level: 40 })).toEqual(['picture restless']);
    expect(call.look(1500, { level: 40, still: true })).toEqual([
      'picture restless',
      'replace changed',
    ]);
    call.watch.answered(call.nowMs, true, 'replaces');
    call.look(1000, {});
    expect(call.watch.mode).toBe('motion');
  });

  it('are no stills any more once references of before are right', () => {
    const call = restless();
    call.look(500, { level: 40 });
    expect(call.watch.mode).toBe('pictures');
    call.watch.answered(call.nowMs, true, 'recalls');
    call.look(200, {});
    expect(call.watch.mode).toBe('motion');
  });

  it('are no stills that are more wrong than what the references show', () => {
    const call = restless();
    call.look(500, { level: 40 });
    expect(call.watch.mode).toBe('pictures');
    call.look(400, { level: 40, beatsStill: true });
    expect(call.watch.mode).toBe('pictures');
    call.look(100, { level: 40, beatsStill: true });
    expect(call.watch.mode).toBe('motion');
  });
});

describe('sets of references', () => {
  const set = (...places: number[]) => ({ places });
  const sets = () => {
    const forgotten: (readonly number[])[] = [];
    return {
      forgotten,
      sets: new ReferenceSets(set(0, 1, 2, 3), ({ places }) => forgotten.push(places)),
    };
  };

  it('take places above those in use, and never one that may be gone back to', () => {
    const { sets: kept, forgotten } = sets();
    expect(kept.freePlace([])).toBe(4);
    expect(kept.freePlace([4])).toBe(5);
    kept.use(set(14));
    expect(kept.freePlace([])).toBe(15);
    kept.use(set(15));
    expect(kept.freePlace([])).toBe(4);
    expect(kept.earlier).toEqual([set(14), set(0, 1, 2, 3)]);
    expect(forgotten).toEqual([]);
  });

  it('forget what they grew out of, and what stood alone the longest ago', () => {
    const { sets: kept, forgotten } = sets();
    kept.use(set(0, 1, 2, 3, 4));
    expect(forgotten).toEqual([[0, 1, 2, 3]]);
    for (const place of [5, 6, 7, 8]) kept.use(set(place));
    expect(kept.earlier).toEqual([set(7), set(6), set(0, 1, 2, 3, 4)]);
    expect(forgotten.at(-1)).toEqual([5]);
    const back = kept.earlier[2];
    kept.use(back);
    expect(kept.current).toBe(back);
    expect(kept.earlier).toEqual([set(8), set(7), set(6)]);
    for (const place of [9, 10]) kept.use(set(place));
    expect(kept.earlier).toEqual([set(9), back, set(8)]);
  });

  it('take one of those in use where there is no other place', () => {
    const { sets: kept } = sets();
    kept.use(set(4, 5));
    const others = Array.from({ length: 16 }, (_, place) => place).filter((place) => place > 5);
    expect(kept.freePlace(others)).toBe(0);
    expect(kept.freePlace([...others, 0, 1, 2, 3])).toBe(5);
  });

  it('leave out the one that is most like another where there are too many', () => {
    const face = syntheticFace();
    const open = (by: number) => face.map((value, i) => (i === 3 * 14 + 1 ? value + by : value));
    const { sets: kept } = sets();
    kept.use(set(0, 1, 2, 3, 4, 5));
    const landmarks = [0, 40, 80, 81, 160, 240].map(open);
    expect(kept.placesWith(6, landmarks)).toEqual([0, 1, 3, 4, 5, 6]);
    expect(kept.placesWith(5, landmarks)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe('a picture coded in few bytes', () => {
  /** A codec whose files have a byte for so many pixels, fewer at a higher quality. */
  const codec = {
    encode: async ({ width, height }: { width: number; height: number }, quality: number) =>
      new Uint8Array(Math.round((width * height * quality) / 1000)).fill(quality),
    decode: async () => createPicture(1, 1),
  };

  it.each([
    [1000, 112],
    [2000, 160],
    [4000, 224],
    [20_000, 256],
  ])('of %i is %i pixels across, as good as they allow', async (budget, side) => {
    const bytes = await codeWithin(codec, createPicture(256, 256), budget);
    expect(bytes.length).toBeLessThanOrEqual(budget);
    const quality = bytes[0];
    expect(bytes.length).toBe(Math.round((side * side * quality) / 1000));
    expect((side * side * (quality + 2)) / 1000 > budget || quality >= 88).toBe(true);
  });

  it('is the poorest where that is too long yet', async () => {
    const bytes = await codeWithin(codec, createPicture(256, 256), 10);
    expect(bytes[0]).toBe(5);
  });
});
