import type { AppearanceBasis } from '../../geometry/appearance.js';
import type { Landmarks } from '../../geometry/landmarks.js';
import type { Picture } from '../../geometry/picture.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkIdentity } from '../check-options.js';
import type { DecoderIdentity, DecoderOptions, DecoderReference, FaceDecoder } from '../decoder.js';
import { type AppearanceField, createAppearanceField } from './appearance-field.js';
import { createCrossFade } from './cross-fade.js';
import { createFaceWarp, type FaceWarp } from './face-warp.js';
import { createNetworkBudget, type NetworkTurn } from './network-budget.js';
import { composePortrait, type PortraitOutputs } from './portrait-compose.js';
import { createPortraitInputs, NETWORK_SIZE, type PortraitInputs } from './portrait-inputs.js';
import {
  type KnownCodes,
  openGenerator,
  type PortraitGenerator,
  type PortraitNetworks,
} from './portrait-network.js';
import { createReferencePreparation, pause } from './portrait-references.js';
import { blendReferences } from './reference-blend.js';

interface Person {
  readonly size: number;
  readonly count: number;
  /** Those of the person's own pack. */
  readonly networks: DecoderIdentity['networks'];
  /** The references at the size to show. */
  readonly warp: FaceWarp;
  readonly field: AppearanceField | undefined;
  readonly network: PersonNetwork | undefined;
}

interface PersonNetwork {
  readonly inputs: PortraitInputs;
  readonly generator: PortraitGenerator;
  /** Why its last run, which no picture waited for, failed. */
  failure: Error | undefined;
}

/**
 * The `portrait` family: LSR's layout and style codes (Meshry et al. 2021) with warped references.
 * The networks work at 256 × 256; what they say is applied to the references at the size to show. With
 * a budget that is too small for every frame the network rests. Without networks the references are shown as the motion alone says. It keeps
 * state from frame to frame, so one decoder serves one stream. `decode` before `setIdentity` or after
 * `close` rejects with an `InvalidStateError`, what is no identity or geometry with a TypeError.
 */
export function createPortraitDecoder(
  networks?: PortraitNetworks,
  appearance?: AppearanceBasis,
  { networkBudget, now = () => performance.now() }: DecoderOptions = {},
): FaceDecoder {
  const fade = createCrossFade<Person>();
  let closed = false;
  /** The run that is under way. */
  let running: Promise<void> | undefined;
  const align = createReferencePreparation();
  const codes: KnownCodes = new WeakMap();
  /** The last frame's. */
  let last: Landmarks | undefined;
  const budget = createNetworkBudget(networkBudget, now);
  const stats = { frames: 0, networkRuns: 0 };
  /** The paint and the appearance of a frame. */
  const painted = new Float32Array(networks ? 4 * NETWORK_SIZE * NETWORK_SIZE : 0);

  /** Runs a network on the frame that is laid out. */
  function run({ inputs, generator }: PersonNetwork): Promise<PortraitOutputs> {
    const startedAt = now();
    inputs.fill();
    const made = generator.run(inputs).then((said) => {
      budget.ran(startedAt);
      return said;
    });
    const done = () => {
      running = undefined;
    };
    running = made.then(done, done);
    return made;
  }

  /** Runs a network for the sake of the time that it takes. */
  function time(network: PersonNetwork): void {
    // Its run may hold the thread: the picture goes first.
    setTimeout(() => {
      if (fade.newest?.network !== network || running) return;
      run(network).catch((error: Error) => {
        network.failure = error;
      });
    });
  }

  function compose({ size, count, warp, field }: Person, said?: PortraitOutputs): Picture {
    if (said) {
      painted.set(said.paint);
      field?.addToPaint(painted);
      return composePortrait(warp, count, size, { ...said, paint: painted });
    }
    const picture = blendReferences(warp, count, size);
    field?.correct(picture);
    return picture;
  }

  /** A person with these references; a network of the one before goes on where it is the same. */
  async function prepared(identity: DecoderIdentity): Promise<Person> {
    if (closed) throw new InvalidStateError('the decoder is closed');
    const references = checkIdentity(identity);
    const aligned = await align(references);
    const before = fade.newest?.network?.generator;
    const own = { ...networks!, ...identity.networks };
    const generator = networks && (await openGenerator(own, aligned, codes, before));
    if (closed) {
      if (generator?.session !== before?.session) await generator?.session.close();
      throw new InvalidStateError('the decoder is closed');
    }
    return prepare(references, aligned, appearance, identity.networks, generator);
  }

  async function draw(shown: Person, geometry: Landmarks, turn: NetworkTurn | undefined) {
    layOut(shown, geometry);
    const { network } = shown;
    return compose(shown, network && turn === 'run' ? await run(network) : undefined);
  }

  return {
    stats,
    async setIdentity(identity: DecoderIdentity): Promise<void> {
      const person = await prepared(identity);
      const before = fade.newest?.network?.generator.session;
      fade.jumpTo(person);
      if (before && before !== person.network?.generator.session) {
        // A frame may still be under way with it.
        await running;
        await before.close();
      }
    },
    async changeReferences(references: readonly DecoderReference[]): Promise<void> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      const before = fade.newest;
      if (!before) throw new InvalidStateError('the decoder has no identity yet');
      const { size, networks: own } = before;
      const person = await prepared({ size, references, ...(own && { networks: own }) });
      if (last) await warmUp(person, last);
      // Another person may have come meanwhile.
      if (fade.newest === before) fade.fadeTo(person);
    },
    async decode(geometry: Landmarks): Promise<Picture> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      if (!fade.newest) throw new InvalidStateError('the decoder has no identity yet');
      checkGeometry('geometry', geometry);
      last = geometry.slice();
      const { network } = fade.newest;
      if (network?.failure) throw network.failure;
      const turn = network && budget.turn();
      // A run that no picture waits for may still be under way.
      if (turn === 'run') await running;
      const picture = await fade.picture((person, leads) =>
        // The network of the one that shows most: what one gains as the other loses it cannot be seen.
        draw(person, geometry, leads ? turn : undefined),
      );
      if (network && turn === 'time') time(network);
      if (turn === 'run') stats.networkRuns++;
      stats.frames++;
      return picture;
    },
    async close(): Promise<void> {
      if (closed) return;
      closed = true;
      const { newest } = fade;
      fade.clear();
      await running;
      await newest?.network?.generator.session.close();
    },
  };
}

/** A person with these references, of the size to show and of the networks'. */
function prepare(
  references: readonly DecoderReference[],
  aligned: readonly DecoderReference[],
  appearance: AppearanceBasis | undefined,
  networks: DecoderIdentity['networks'],
  generator: PortraitGenerator | undefined,
): Person {
  const size = references[0].picture.width;
  const inputs = generator && createPortraitInputs(aligned, appearance);
  const sized = aligned.map(({ landmarks }, k) => ({ picture: references[k].picture, landmarks }));
  return {
    size,
    count: references.length,
    networks,
    warp: inputs && size === NETWORK_SIZE ? inputs.warp : createFaceWarp(sized, size),
    field: inputs ? inputs.field : appearance && createAppearanceField(appearance),
    network: generator && inputs && { inputs, generator, failure: undefined },
  };
}

/** Draws what is not shown, step by step: the first time takes several times longer than the others. */
async function warmUp(person: Person, geometry: Landmarks): Promise<void> {
  await pause();
  layOut(person, geometry);
  await pause();
  person.network?.inputs.fill();
  await pause();
  blendReferences(person.warp, person.count, person.size);
  await pause();
}

/** Lays out a frame (crop units). */
function layOut({ warp, field, network }: Person, geometry: Landmarks): void {
  if (network) network.inputs.layOut(geometry);
  else field?.update(geometry);
  if (warp !== network?.inputs.warp) warp.update(geometry);
}
