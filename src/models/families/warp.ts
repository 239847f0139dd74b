import type { Landmarks } from '../../geometry/landmarks.js';
import { createPicture, type Picture } from '../../geometry/picture.js';
import { NO_TRIANGLE } from '../../geometry/rasteriser.js';
import { LEFT_IRIS, LEFT_LIDS, RIGHT_IRIS, RIGHT_LIDS } from '../../geometry/regions.js';
import {
  LEFT_EYE_TRIANGLES,
  MOUTH_TRIANGLES,
  RIGHT_EYE_TRIANGLES,
  type TriangleRange,
} from '../../geometry/topology.js';
import { COEFFICIENTS, createWarpMap, type WarpMap } from '../../geometry/warp-map.js';
import { checkOption } from '../../protocol/check-options.js';
import { InvalidStateError } from '../../protocol/errors.js';
import { checkGeometry, checkPicture } from '../check-options.js';
import type { DecoderIdentity, DecoderReference, FaceDecoder } from '../decoder.js';
import { createCrossFade } from './cross-fade.js';
import { sample } from './sample.js';
import { createEye, type Eye } from './warp-eyes.js';
import { createMouth, type Mouth } from './warp-mouth.js';
import { createReferenceChooser, type ReferenceChooser } from './warp-references.js';

interface Person {
  readonly size: number;
  /** The references' pixels, a word each. */
  readonly pixels: readonly Uint32Array[];
  readonly map: WarpMap;
  readonly chooser: ReferenceChooser;
  readonly rightEye: Eye;
  readonly leftEye: Eye;
  readonly mouth: Mouth;
}

/**
 * The `warp` family: the references, textured onto the head mesh and warped to the frame's
 * geometry. No network, no pack; one CPU core. It keeps state from frame to frame (which reference
 * shows what), so one decoder serves one stream. `decode` before `setIdentity` or after `close`
 * rejects with an `InvalidStateError`, what is no identity or geometry with a TypeError.
 */
export function createWarpDecoder(): FaceDecoder {
  const fade = createCrossFade<Person>();
  let closed = false;

  function current(): Person {
    if (closed) throw new InvalidStateError('the decoder is closed');
    if (!fade.newest) throw new InvalidStateError('the decoder has no identity yet');
    return fade.newest;
  }

  return {
    async setIdentity(identity: DecoderIdentity): Promise<void> {
      if (closed) throw new InvalidStateError('the decoder is closed');
      fade.jumpTo(prepare(identity));
    },
    async changeReferences(references: readonly DecoderReference[]): Promise<void> {
      const { size } = current();
      fade.fadeTo(prepare({ size, references }));
    },
    async decode(geometry: Landmarks): Promise<Picture> {
      current();
      checkGeometry('geometry', geometry);
      return fade.picture((person) => draw(person, geometry));
    },
    async close(): Promise<void> {
      closed = true;
      fade.clear();
    },
  };
}

function draw(person: Person, geometry: Landmarks): Picture {
  const picture = createPicture(person.size, person.size);
  person.map.update(geometry, person.chooser.choose(geometry));
  person.rightEye.update(geometry);
  person.leftEye.update(geometry);
  person.mouth.update(geometry);
  paint(person, new Uint32Array(picture.data.buffer));
  return picture;
}

function prepare({ size, references }: DecoderIdentity): Person {
  checkOption(references?.length > 0, 'identity.references', 'one at least');
  const landmarks = references.map((reference) => reference.landmarks);
  const pixels = references.map(({ picture }, i) => {
    checkGeometry(`identity.references[${i}].landmarks`, landmarks[i]);
    checkPicture(`identity.references[${i}].picture`, picture);
    const fits = picture.width === size && picture.height === size;
    checkOption(fits, `identity.references[${i}].picture`, `${size}×${size}`);
    return new Uint32Array(Uint8ClampedArray.from(picture.data).buffer);
  });
  const map = createWarpMap(landmarks, size);
  return {
    size,
    pixels,
    map,
    chooser: createReferenceChooser(landmarks, map.mesh.vertexCount),
    rightEye: createEye(landmarks, RIGHT_LIDS, RIGHT_IRIS, size),
    leftEye: createEye(landmarks, LEFT_LIDS, LEFT_IRIS, size),
    mouth: createMouth(references, size),
  };
}

function paint(person: Person, out: Uint32Array): void {
  const { size, pixels, map, mouth } = person;
  const { ids } = map;
  const count = pixels.length;
  let current = NO_TRIANGLE;
  let m: Float32Array = new Float32Array(0);
  let eye: Eye | undefined;
  let inMouth = false;
  for (let row = 0, i = 0; row < size; row++) {
    const y = row + 0.5;
    for (let column = 0; column < size; column++, i++) {
      const id = ids[i];
      if (id === NO_TRIANGLE) {
        out[i] = pixels[0][i];
        continue;
      }
      if (id !== current) {
        current = id;
        m = map.triangle(id);
        inMouth = within(id, MOUTH_TRIANGLES);
        eye = undefined;
        if (within(id, RIGHT_EYE_TRIANGLES)) eye = person.rightEye;
        if (within(id, LEFT_EYE_TRIANGLES)) eye = person.leftEye;
      }
      const x = column + 0.5;
      if (inMouth) mouth.look(x, y);
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let k = 0, c = 0; k < count; k++, c += COEFFICIENTS) {
        let weight = m[c + 6] * x + m[c + 7] * y + m[c + 8];
        if (weight < 0.004) continue;
        let u = m[c] * x + m[c + 1] * y + m[c + 2];
        let v = m[c + 3] * x + m[c + 4] * y + m[c + 5];
        if (eye !== undefined) {
          eye.source(k, x, y, u, v);
          u = eye.at.x;
          v = eye.at.y;
        }
        if (inMouth) {
          const madeUp = weight * mouth.source(k, u, v);
          red += madeUp * mouth.colour[0];
          green += madeUp * mouth.colour[1];
          blue += madeUp * mouth.colour[2];
          weight -= madeUp;
          u = mouth.at.x;
          v = mouth.at.y;
        }
        const colour = sample(pixels[k], size, u, v);
        red += weight * (colour & 255);
        green += weight * ((colour >>> 8) & 255);
        blue += weight * ((colour >>> 16) & 255);
      }
      out[i] = 0xff000000 | ((blue + 0.5) << 16) | ((green + 0.5) << 8) | (red + 0.5);
    }
  }
}

const within = (id: number, { first, end }: TriangleRange): boolean => id >= first && id < end;
