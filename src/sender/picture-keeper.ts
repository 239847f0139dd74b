import { type Landmarks, POINT_COUNT } from '../geometry/landmarks.js';
import type { Picture } from '../geometry/picture.js';
import { resampleSquare } from '../geometry/resample.js';
import { SURROUNDED_NUMBERS } from '../geometry/surround.js';
import type { DecoderReference } from '../models/decoder.js';
import type { Pack } from '../models/pack.js';
import type { PictureCodec } from '../models/picture-codec.js';
import { checkMethods, checkOption } from '../protocol/check-options.js';
import { MAX_REFERENCE_SIDE } from '../protocol/limits.js';
import { codeWithin } from './coded-picture.js';
import type { CropSquare } from './crop.js';
import { facesInside, isCrowded } from './face-distance.js';
import type { FrameAnalyser } from './frame-analyser.js';
import { isUrgent, type PictureKind, pictureBytes } from './picture-budget.js';
import { type Compared, compareCells } from './picture-difference.js';
import type { PicturePort, PictureReport } from './picture-port.js';
import { PictureWatch, type WatchReason, wrongness } from './picture-watch.js';
import { referenceGap } from './reference-gap.js';
import { ReferenceSets } from './reference-sets.js';
import { SentStills } from './sent-stills.js';
import { compared, createShadowDecoder } from './shadow-decoder.js';
import { areSame, openShown, type ShownSet } from './shown-set.js';
import type { TrackedFace } from './tracker.js';

export interface PictureKeeperOptions {
  readonly pack: Pack;
  readonly codec: PictureCodec;
  readonly port: PicturePort;
  /** Is told the references that the receiver shows with. */
  readonly analyser: FrameAnalyser;
  /** Pixels across the crop. */
  readonly size: number;
  /** Milliseconds of a steady clock, by which looks are timed; default `performance.now`. */
  readonly now?: () => number;
}

/** A frame as the keeper sees it. */
export interface KeptFrame {
  /** The camera's; read before `watch` resolves, and stays the caller's. */
  readonly picture: Picture;
  readonly square: CropSquare;
  /** All that the tracker found, in pixels. */
  readonly faces: readonly TrackedFace[];
  /** What the analyser found; undefined where there is no face. */
  readonly geometry: Landmarks | undefined;
  readonly nowMs: number;
  /** The machine is behind: fewer frames are looked at. */
  readonly busy?: boolean;
}

/** What the keeper did so far. */
export interface PictureKeeperStats {
  /** Looks at the receiver's picture, and the mean milliseconds of one. */
  readonly looks: number;
  readonly lookMs: number;
  /** What was sent, by why. */
  readonly sent: Readonly<Partial<Record<Reason, number>>>;
  /** Whether the receiver's picture is as right as it mostly is. */
  readonly right: boolean;
}

type Reason = WatchReason | 'finer' | 'recalled';

/** Time between looks, where the picture is right and where it is wrong, and the share of the time that they may take. */
const LOOK_MS = { right: 160, wrong: 80 } as const;
const LOOK_SHARE = { right: 0.1, wrong: 0.25 } as const;
const MAX_LOOK_MS = 1000;
/** Before the first look: both ends have enough to do when a call begins. */
const FIRST_LOOK_MS = 1500;
/** Time between looks of a machine that is behind, as long as the picture is right. */
const BUSY_LOOK_MS = 500;
/** Sets on their way at most; beyond, nothing was heard of the oldest. */
const MAX_ORDERED = 4;
/** With less, a picture of the poorest would take six seconds. */
const LEAST_BPS = 1000;
/** The camera's picture now is compared with that of so long ago; below so many levels it is the same. */
const STILL_MS = 450;
const STILL_LEVELS = 3;
/** References of before are gone back to where they are this much less wrong. */
const FAR_BETTER = 0.3;
/** A finer picture is of a face like the one in the coarse one. */
const ALIKE = 1;

/** Whether a pack's pictures can be kept: a keeper shows them without a network, which a vector of the family's own does not tell. */
export const canKeep = ({ vector }: Pack): boolean => vector === undefined;

/**
 * Keeps the receiver's picture right: looks at it through a decoder of its own beside the camera's, and sends the
 * references, choices of references and stills that make it so.
 */
export class PictureKeeper {
  readonly #options: PictureKeeperOptions;
  readonly #watch = new PictureWatch();
  readonly #sets: ReferenceSets<ShownSet>;
  /** Sets that are not gone back to any more; one may be on its way yet. */
  readonly #forgotten = new WeakSet<ShownSet>();
  /** Sets that are on their way, by the picture's id. */
  readonly #ordered = new Map<number, ShownSet>();
  readonly #stills = new SentStills();
  /** The receiver shows with references that were not this one's to send. */
  #isStale = false;
  #camera: { readonly atMs: number; readonly picture: Compared }[] = [];
  #nextMs: number | undefined;
  #lastMs = -Infinity;
  #looks = 0;
  #tookMs = 0;
  #lookMs = 0;
  #right = true;
  #surelyWrong = false;
  #coding: Promise<void> | undefined;
  #failure: Error | undefined;
  #closed = false;
  readonly #sent: Partial<Record<Reason, number>> = {};

  /** Rejects where the port's references cannot be read, with a TypeError where the pack is none that `canKeep`. */
  static async open(options: PictureKeeperOptions): Promise<PictureKeeper> {
    checkMethods('codec', options.codec, 'encode');
    checkOption(canKeep(options.pack), 'pack', 'one without a motion vector');
    const { pack, codec, port } = options;
    const before = port.references;
    const keeper = new PictureKeeper(options, await openShown(pack, codec, port));
    // Those that follow a coarse identity may have come meanwhile.
    keeper.#isStale = !areSame(before, port.references);
    return keeper;
  }

  private constructor(options: PictureKeeperOptions, first: ShownSet) {
    this.#options = options;
    this.#sets = new ReferenceSets(first, (set) => {
      this.#forgotten.add(set);
      void set.shadow.close();
    });
  }

  /**
   * What to send of a frame's geometry: nothing while stills are shown; no appearance while the references show
   * something else altogether, as what the picture differs by from them is then no mouth and no eyes.
   */
  toSend(geometry: Landmarks | undefined): Landmarks | undefined {
    return this.#watch.mode === 'pictures' ? undefined : this.#plain(geometry);
  }

  #plain<G extends Landmarks | undefined>(geometry: G): G {
    return this.#surelyWrong ? (geometry?.subarray(0, SURROUNDED_NUMBERS) as G) : geometry;
  }

  /** Whether the tracker should look for a second face. */
  get suspicious(): boolean {
    return !this.#right;
  }

  getStats(): PictureKeeperStats {
    const lookMs = this.#looks === 0 ? 0 : this.#lookMs / this.#looks;
    return { looks: this.#looks, lookMs, sent: { ...this.#sent }, right: this.#right };
  }

  /** What became of a picture (`CallSenderOptions.onPicture`). */
  report({ id, state }: PictureReport, nowMs: number): void {
    const set = this.#ordered.get(id);
    const used = state === 'in-use';
    if (!set) {
      // Else they are references that follow a coarse identity.
      if (!this.#stills.heard(id, used) && used) this.#isStale = true;
      return;
    }
    this.#ordered.delete(id);
    const adds = set.places.some((place) => this.#sets.current.places.includes(place));
    const kind = this.#isKnown(set) ? 'recalls' : adds ? 'adds' : 'replaces';
    if (used && this.#forgotten.has(set)) this.#isStale = true;
    else if (used) this.#use(set);
    else if (!this.#isKnown(set)) void set.shadow.close();
    // Of what took its place there will be news too.
    if (state !== 'superseded') this.#watch.answered(nowMs, used, kind);
  }

  #isKnown(set: ShownSet): boolean {
    return this.#sets.current === set || this.#sets.earlier.includes(set);
  }

  #use(set: ShownSet): void {
    if (set === this.#sets.current) return;
    this.#sets.use(set);
    this.#options.analyser.use(set.shadow.analysis);
  }

  /** Looks at a frame, where it is time; sends what is missing. Rejects where a picture cannot be coded. */
  async watch(frame: KeptFrame): Promise<void> {
    const { nowMs, busy = false } = frame;
    const { pack, codec, port, now = () => performance.now() } = this.#options;
    if (this.#failure) throw this.#failure;
    const idle = this.#closed || !port.takesPictures || port.urgentPictureBps < LEAST_BPS;
    this.#nextMs ??= nowMs + FIRST_LOOK_MS;
    if (idle || nowMs < this.#nextMs) return;
    if (busy && this.#right && nowMs < this.#lastMs + BUSY_LOOK_MS) return;
    this.#lastMs = nowMs;
    if (this.#isStale && this.#ordered.size === 0 && !this.#coding) {
      this.#isStale = false;
      const opened = openShown(pack, codec, port).then((set) => this.#use(set));
      this.#start(opened, undefined);
    }
    const beganMs = now();
    await this.#look(frame);
    const tookMs = now() - beganMs;
    this.#looks++;
    this.#lookMs += tookMs;
    // One that takes longer than the one before was held up by something else.
    const costMs = Math.min(tookMs, this.#tookMs);
    this.#tookMs = tookMs;
    const state = this.#right && this.#watch.mode === 'motion' ? 'right' : 'wrong';
    const waitMs = Math.max(LOOK_MS[state], costMs / LOOK_SHARE[state]);
    this.#nextMs = nowMs + Math.min(waitMs, MAX_LOOK_MS);
  }

  async #look({ picture, square, faces, geometry, nowMs }: KeptFrame): Promise<void> {
    const { size, port } = this.#options;
    const crop = resampleSquare(picture, square, size);
    const camera = compared(crop);
    const { current, earlier } = this.#sets;
    const cells =
      geometry && compareCells(camera, await current.shadow.show(this.#plain(geometry)));
    const gap = geometry ? referenceGap(current.shadow.landmarks, geometry) : 0;
    const face = !geometry ? 'none' : isCrowded(facesInside(faces, square)) ? 'several' : 'one';
    const still = this.#isStill(camera, nowMs);
    const { onShow } = this.#stills;
    const stillCells = onShow && compareCells(camera, onShow);
    const beatsStill = stillCells && cells && wrongness(cells) <= wrongness(stillCells);
    const verdict = this.#watch.look({ nowMs, face, cells, gap, still, beatsStill });
    if (this.#watch.mode === 'motion') this.#stills.end();
    this.#right = verdict.right;
    this.#surelyWrong = verdict.surelyWrong;
    // The call may have ended meanwhile.
    if (this.#coding || !port.takesPictures) return;
    if (verdict.cancel) {
      const calledOff = [...this.#ordered.values()].at(-1) === current;
      if (!calledOff) this.#recall(current, nowMs);
      return;
    }
    const set = earlier[this.#looks % earlier.length];
    if (set && geometry && cells && verdict.recall && !this.#recalling) {
      const landmarks = geometry.slice(0, 3 * POINT_COUNT);
      const shown = set.shadow.analysis(picture, square, landmarks).geometry;
      const would = wrongness(compareCells(camera, await set.shadow.show(shown)));
      // It takes three bytes: what is far better goes before what is right.
      const most = Math.max(1, FAR_BETTER * wrongness(cells));
      if (would < most && port.takesPictures) {
        this.#recall(set, nowMs);
        this.#count('recalled');
        return;
      }
    }
    const { wish, reason } = verdict;
    if (wish === 'picture') {
      if (port.picturesPending === 0) this.#start(this.#sendPicture(crop, camera), reason);
    } else if (geometry && wish) {
      // What is only better to have waits: the references that follow a coarse identity go first.
      if (reason === 'uncovered' && port.picturesPending > 0) return;
      this.#order(crop, geometry, wish, reason, nowMs);
    } else if (geometry && verdict.right && this.#wantsFiner(geometry)) {
      this.#order(crop, geometry, 'finer', 'finer', nowMs);
    }
  }

  #recall(set: ShownSet, nowMs: number): void {
    this.#expect(this.#options.port.showPlaces(set.places), set);
    this.#watch.sent(nowMs, true);
  }

  /** A set is on its way. Of one that a receiver says nothing of nothing is kept. */
  #expect(id: number, set: ShownSet): void {
    this.#ordered.set(id, set);
    if (this.#ordered.size <= MAX_ORDERED) return;
    const [[oldest, unheard]] = this.#ordered;
    this.#ordered.delete(oldest);
    if (!this.#isKnown(unheard)) void unheard.shadow.close();
  }

  /** References of before are on their way back. */
  get #recalling(): boolean {
    return [...this.#ordered.values()].some((set) => this.#isKnown(set));
  }

  /** Whether the camera's picture is nearly that of a while ago. */
  #isStill(picture: Compared, nowMs: number): boolean {
    this.#camera.push({ atMs: nowMs, picture });
    const old = this.#camera.findLastIndex(({ atMs }) => nowMs - atMs >= STILL_MS);
    if (old < 0) return false;
    this.#camera = this.#camera.slice(old);
    const cells = compareCells(picture, this.#camera[0].picture);
    return cells.reduce((sum, cell) => sum + cell, 0) < STILL_LEVELS * cells.length;
  }

  #wantsFiner(geometry: Landmarks): boolean {
    const { coarse, places, shadow } = this.#sets.current;
    if (coarse === undefined || this.#ordered.size > 0 || this.#watch.mode === 'pictures')
      return false;
    if (this.#options.port.picturesPending > 0) return false;
    return referenceGap([shadow.landmarks[places.indexOf(coarse)]], geometry) < ALIKE;
  }

  #order(
    crop: Picture,
    geometry: Landmarks,
    kind: 'replace' | 'add' | 'finer',
    reason: Reason | undefined,
    nowMs: number,
  ): void {
    this.#watch.sent(nowMs, isUrgent(kind));
    const { current } = this.#sets;
    const underWay = [...this.#ordered.values()].flatMap((set) => set.places);
    const index = kind === 'finer' ? current.coarse! : this.#sets.freePlace(underWay);
    const places =
      kind === 'replace' ? [index] : this.#sets.placesWith(index, current.shadow.landmarks);
    const coarse = isUrgent(kind) ? index : kind === 'finer' ? undefined : current.coarse;
    const others = places.map((place) => current.references[current.places.indexOf(place)]);
    const sending = this.#sendReference(crop, geometry, { index, places, others, coarse }, kind);
    this.#start(sending, reason);
  }

  /** Codes and sends a reference at `index`; `others`: those of `places`, in order, whatever is at its own. */
  async #sendReference(
    crop: Picture,
    geometry: Landmarks,
    {
      index,
      places,
      others,
      coarse,
    }: Omit<ShownSet, 'shadow' | 'references'> & {
      readonly index: number;
      readonly others: readonly DecoderReference[];
    },
    kind: PictureKind,
  ): Promise<void> {
    const { codec, port, pack } = this.#options;
    const landmarks = geometry.slice(0, 3 * POINT_COUNT);
    const bytes = await this.#code(crop, kind);
    const picture = await codec.decode(bytes, MAX_REFERENCE_SIDE);
    const references = places.map((place, i) =>
      place === index ? { picture, landmarks } : others[i],
    );
    const shadow = await createShadowDecoder(pack, references);
    if (this.#closed || !port.takesPictures) {
      await shadow.close();
      return;
    }
    const id = port.sendReference({
      index,
      picture: bytes,
      landmarks,
      shown: places,
      urgent: isUrgent(kind),
    });
    this.#expect(id, { places, shadow, references, coarse });
  }

  async #sendPicture(crop: Picture, camera: Compared): Promise<void> {
    const { port } = this.#options;
    const bytes = await this.#code(crop, 'picture');
    if (!this.#closed && port.takesPictures) this.#stills.sent(port.sendPicture(bytes), camera);
  }

  #code(crop: Picture, kind: PictureKind): Promise<Uint8Array> {
    const { codec, port } = this.#options;
    return codeWithin(codec, crop, pictureBytes(kind, port));
  }

  /** Frames go on meanwhile. */
  #start(sending: Promise<void>, reason: Reason | undefined): void {
    if (reason) this.#count(reason);
    this.#coding = sending.then(
      () => {
        this.#coding = undefined;
      },
      (error: Error) => {
        this.#coding = undefined;
        this.#failure = error;
      },
    );
  }

  #count(reason: Reason): void {
    this.#sent[reason] = (this.#sent[reason] ?? 0) + 1;
  }

  /** Resolves when nothing is being coded. */
  async settled(): Promise<void> {
    await this.#coding;
  }

  /** Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#coding;
    const sets = [this.#sets.current, ...this.#sets.earlier, ...this.#ordered.values()];
    await Promise.all(sets.map(({ shadow }) => shadow.close()));
  }
}
