import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CallReceiver } from '../src/call-receiver.js';
import { CallSender } from '../src/call-sender.js';
import { CANONICAL_FACE } from '../src/geometry/canonical-face.js';
import { vectorOf, withVector } from '../src/geometry/motion-vector.js';
import type { Picture } from '../src/geometry/picture.js';
import { whole } from '../src/geometry/resample.js';
import type { DecoderOptions } from '../src/models/decoder.js';
import { createDecoder as createNodeDecoder } from '../src/models/decoder-node.js';
import { bytesPerPixel } from '../src/models/families/fsrt-tiles.js';
import { createDecoder } from '../src/models/families/index.js';
import type { Tensor } from '../src/models/inference.js';
import { createNodeSession } from '../src/models/inference-node.js';
import type { Pack } from '../src/models/pack.js';
import { openPack } from '../src/models/pack-node.js';
import { createNodePictureCodec } from '../src/models/picture-codec-node.js';
import { parseVector } from '../src/models/vector-data.js';
import { encodeIdentity } from '../src/protocol/identity.js';
import { parseTables } from '../src/protocol/motion-tables.js';
import { createFrameAnalyser as createAnyAnalyser } from '../src/sender/frame-analyser.js';
import { createFrameAnalyser } from '../src/sender/frame-analyser-node.js';
import { canKeep, PictureKeeper } from '../src/sender/picture-keeper.js';
import { connectWerift } from '../src/transport/werift.js';
import { temporaryFolder } from './support/cli.js';
import { python, script } from './support/python.js';
import { createSignallingPair } from './support/signalling-pair.js';
import { describeNeeds } from './tools.js';

const SIDE = 128;
const codec = createNodePictureCodec();
const NEUTRAL = Float32Array.from(CANONICAL_FACE);
/** Parameters of each part, as ../shared/families.md counts them in the published networks. */
const COUNTS = `
from fsrt.model import Decoder, Fsrt
from fsrt.shape import Shape, small_decoder
count = lambda part: sum(p.numel() for p in part.parameters())
model = Fsrt(Shape())
print([count(part) for part in (model.keypoints, model.expression, model.encoder.patches, model.encoder.layers,
                                model.decoder, Decoder(small_decoder()))])
print([Shape(expression=e).query for e in (64, 128, 256)])
`;

/** What encoder and expression network give, against equations 5 and 8 as they are written. */
const WRITTEN = `
import torch
from fsrt.encoding import encode, pixel_grid
from fsrt.model import Fsrt
from fsrt.sample import TINY, lively
import torch.nn.functional as F
torch.manual_seed(1)
model = lively(Fsrt(TINY).eval())
with torch.no_grad():
    pictures = torch.rand(2, 3, TINY.size, TINY.size)
    keypoints, heat, seen = model.keypoints(pictures)
    expression = model.expression(seen, heat)
    x = model.expression.conv(seen).unflatten(1, (10, -1)) * heat[:, :, None]
    x = x.sum((3, 4)).flatten(1)
    for layer in model.expression.mlp[:-1]:
        x = F.relu(layer(x))
    print(float((model.expression.mlp[-1](x) - expression).abs().max()))
    everywhere = lambda x: x[:, :, None, None].expand(-1, -1, TINY.size, TINY.size)
    places = encode(keypoints.flatten(1), TINY.keypoint_octaves)
    pixels = encode(pixel_grid(TINY.size), TINY.pixel_octaves).permute(2, 0, 1).expand(2, -1, -1, -1)
    x = torch.cat([pictures, everywhere(places), pixels, everywhere(expression)], 1)
    for conv in model.encoder.patches.convs:
        x = F.relu(conv(x))
    made = model.encoder.patches(torch.cat([pictures, pixels], 1), places, expression)
    print(float((model.encoder.patches.out(x) - made).abs().max()))
`;

/** The motion codec's files of a pack with another |e|. */
const MOTION = `
import pathlib, sys
import numpy as np
from fsrt.export import write_motion
from fsrt.shape import Shape
shape = Shape(expression=int(sys.argv[2]))
moving = np.cumsum(np.random.default_rng(1).normal(0, 0.1, (40, 20 + shape.expression)), 0)
write_motion(shape, pathlib.Path(sys.argv[1]), [moving])
`;

interface Expected {
  readonly keypoints: number[];
  readonly expression: number[];
  readonly pixels: number[];
  readonly colours: number[];
  readonly shortcuts: number;
  readonly spread: number;
}

describeNeeds('torch')('FSRT', () => {
  let folder: string;
  let pack: Pack;
  let sources: Picture[];
  let driving: Picture;
  let expected: Expected;
  let said: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    said = (await python('-m', 'fsrt.sample', folder)).stdout;
    const sealed = await script('tools/seal-pack.ts', join(folder, 'pack'));
    expect(sealed, sealed.stderr).toMatchObject({ status: 0 });
    pack = await openPack(join(folder, 'pack'));
    const pictures = async (file: string) => {
      const bytes = await readFile(join(folder, file));
      return Array.from({ length: bytes.length / (4 * SIDE * SIDE) }, (_, k) => ({
        width: SIDE,
        height: SIDE,
        data: Uint8ClampedArray.from(
          bytes.subarray(k * 4 * SIDE * SIDE, (k + 1) * 4 * SIDE * SIDE),
        ),
      }));
    };
    sources = await pictures('sources.bin');
    [driving] = await pictures('driving.bin');
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true }));

  const references = () => sources.map((picture) => ({ picture, landmarks: NEUTRAL }));
  const identity = async () => {
    const coded = sources.map(async (picture) => ({
      picture: await codec.encode(picture, 90),
      landmarks: NEUTRAL,
    }));
    return encodeIdentity({ size: 256, neutral: NEUTRAL, references: await Promise.all(coded) });
  };
  const analysed = async (picture: Picture) => {
    const analyser = await createFrameAnalyser({ pack, identity: await identity(), codec });
    try {
      return await analyser.analyse(picture, whole(picture), NEUTRAL);
    } finally {
      await analyser.close();
      await analyser.close();
    }
  };
  const decoded = async (geometry: Float32Array, options: DecoderOptions = {}) => {
    const runs: number[] = [];
    const open = async (graph: Uint8Array) => {
      const session = await createNodeSession(graph);
      const run = (inputs: Readonly<Record<string, Tensor>>) => {
        if (inputs.pixels) runs.push(inputs.pixels.dims[0]);
        return session.run(inputs);
      };
      return { ...session, run };
    };
    const decoder = createDecoder(pack, open, options);
    try {
      await decoder.setIdentity({ size: SIDE, references: references() });
      return { picture: await decoder.decode(geometry), runs };
    } finally {
      await decoder.close();
      await decoder.close();
    }
  };

  it('has the published numbers of parameters at full width', async () => {
    const [counts, queries] = (await python('-c', COUNTS)).stdout.trim().split('\n');
    expect(JSON.parse(counts)).toEqual([14146728, 2558976, 6150432, 23623680, 15310131, 6012723]);
    expect(JSON.parse(queries)).toEqual([288, 352, 480]);
  });

  it('computes in ONNX what PyTorch does, and with its shortcuts what it does without', () => {
    // The export ends with an error beyond 1e-3; each graph was checked with one source and with three.
    expect(said.match(/largest difference/g)!.length).toBe(2 * (3 + 1 + 4 + 1 + 1));
    expect(expected.spread).toBeGreaterThan(0.01);
    expect(expected.shortcuts).toBeLessThan(1e-5);
  });

  it('sums what is the same everywhere, or weighted, before it convolves', async () => {
    for (const line of (await python('-c', WRITTEN)).stdout.trim().split('\n'))
      expect(Number(line)).toBeLessThan(1e-5);
  });

  it('finds in a frame what PyTorch finds', async () => {
    const vector = vectorOf(await analysed(driving), 84)!;
    const wanted = [...expected.keypoints, ...expected.expression];
    wanted.forEach((value, v) => {
      expect(Math.abs(vector[v] - value), `value ${v}`).toBeLessThan(1e-3);
    });
  });

  it('draws from two sources the colours that the paper’s decoder gives', async () => {
    const vector = [...expected.keypoints, ...expected.expression];
    const { picture } = await decoded(withVector(NEUTRAL, vector));
    expected.pixels.forEach((pixel, i) => {
      for (let c = 0; c < 3; c++) {
        const colour = 255 * Math.min(1, Math.max(0, expected.colours[3 * i + c]));
        expect(Math.abs(picture.data[4 * pixel + c] - colour)).toBeLessThan(0.51);
      }
    });
  });

  it('draws the same in many parts as in one', async () => {
    const geometry = await analysed(driving);
    const one = await decoded(geometry, { memoryBudget: 1e9 });
    const keys0: Tensor = { data: new Float32Array(), dims: [2, 16, 512] };
    const many = await decoded(geometry, { memoryBudget: 5000 * bytesPerPixel({ keys0 }) });
    expect(one.runs).toEqual([16384]);
    expect(many.runs).toEqual([4096, 4096, 4096, 4096]);
    expect(farthest(many.picture, one.picture)).toBeLessThanOrEqual(1);
  });

  it('codes 148 and 276 values, the paper’s longer expression vectors, too', async () => {
    for (const expression of [128, 256]) {
      await python('-c', MOTION, folder, `${expression}`);
      const read = async (file: string) => Uint8Array.from(await readFile(join(folder, file)));
      const tables = parseTables(await read('tables.bin'));
      expect(tables.ok && tables.value.valueCount).toBe(20 + expression);
      expect(parseVector(await read('vector.bin'))).toMatchObject({ side: 256, poseValues: 20 });
    }
  });

  it('shows the first source as it is before the first frame', async () => {
    const { picture } = await decoded(NEUTRAL);
    const own = await decoded(await analysed(sources[0]));
    expect(farthest(picture, own.picture)).toBeLessThanOrEqual(1);
  });

  it('draws a frame to its end when it is closed meanwhile, and none after', async () => {
    const decoder = createNodeDecoder(pack);
    await expect(decoder.decode(NEUTRAL)).rejects.toThrow(/no identity yet/);
    await decoder.setIdentity({ size: SIDE, references: references() });
    const picture = decoder.decode(NEUTRAL);
    await decoder.close();
    expect((await picture).width).toBe(SIDE);
    expect(decoder.stats).toEqual({ frames: 1, networkRuns: 1 });
    await expect(decoder.decode(NEUTRAL)).rejects.toThrow(/is closed/);
    const one = { size: SIDE, references: references() };
    await expect(decoder.setIdentity(one)).rejects.toThrow(/is closed/);
  });

  it('fades to other sources that come during a call', async () => {
    const decoder = createNodeDecoder(pack);
    const [first, second] = references();
    await decoder.setIdentity({ size: SIDE, references: [first] });
    const geometry = await analysed(driving);
    const before = await decoder.decode(geometry);
    await decoder.changeReferences!([second]);
    const shown: number[] = [];
    for (let frame = 0; frame < 10; frame++)
      shown.push(farthest(await decoder.decode(geometry), before));
    await decoder.close();
    expect(shown[0]).toBeLessThan(shown[9]);
    expect(shown[8]).toBe(shown[9]);
  });

  it('may move the source as the driving person moves', async () => {
    const geometry = await analysed(driving);
    const { picture } = await decoded(geometry, { relativeMotion: true });
    const vector = vectorOf(geometry, 84)!;
    // The first frame is the one that movement is counted from: the keypoints are the source's, the expression is not.
    const first = vectorOf(await analysed(sources[0]), 84)!;
    const mixed = await decoded(withVector(NEUTRAL, [...first.slice(0, 20), ...vector.slice(20)]));
    expect(farthest(picture, mixed.picture)).toBeLessThanOrEqual(1);
    expect(farthest(picture, (await decoded(geometry)).picture)).toBeGreaterThan(1);
  });

  it('streams its own motion through a real call', async () => {
    const [left, right] = createSignallingPair();
    const [from, to] = await Promise.all([
      connectWerift({ role: 'sender', signalling: left }),
      connectWerift({ role: 'receiver', signalling: right }),
    ]);
    const shown: Picture[] = [];
    const receiver = new CallReceiver({
      channels: to.channels,
      pack,
      maxSize: 256,
      decoder: createDecoder(pack, (graph) => createNodeSession(graph)),
      pictureCodec: codec,
      onFrame: ({ picture }) => {
        if (picture) shown.push(picture);
      },
    });
    const ended = receiver.ended().then(() => to.close());
    const own = await identity();
    const sender = new CallSender({
      channels: from.channels,
      pack,
      identity: own,
      fps: 25,
      unpaced: true,
    });
    await sender.ready();
    const analyser = await createFrameAnalyser({ pack, identity: own, codec });
    for (let index = 0; index < 6; index++) {
      const picture = index < 3 ? sources[0] : driving;
      sender.sendFrame(await analyser.analyse(picture, whole(picture), NEUTRAL), 40 * index);
    }
    sender.end();
    await Promise.all([sender.closed(), ended]);
    await analyser.close();
    expect(receiver.getStats().drops).toEqual({});
    expect(shown).toHaveLength(6);
    expect(shown[0].width).toBe(256);
    expect(farthest(shown[0], shown[5])).toBeGreaterThan(5);
    await from.close();
  });

  it('is refused in one line without what runs its networks, or a network', async () => {
    expect(() => createDecoder(pack)).toThrow(/^the family fsrt needs what runs its networks$/);
    const { expression, ...others } = pack.networks;
    const open = (graph: Uint8Array) => createNodeSession(graph);
    const lacking = { ...pack, networks: others };
    expect(() => createDecoder(lacking, open)).toThrow(/no network "expression", which the family/);
    const made = { identity: await identity(), codec };
    await expect(createFrameAnalyser({ ...made, pack: lacking })).rejects.toThrow(
      /no network "expression", which finds its motion/,
    );
    expect(() => createNodeDecoder(pack, { memoryBudget: -1 })).toThrow(/^memoryBudget: must be/);
    await expect(createAnyAnalyser({ ...made, pack })).rejects.toThrow(/^open: must be a function/);
    expect(() => createDecoder(pack, open, { memoryBudget: 0 })).toThrow(/^memoryBudget: must be/);
    expect(canKeep(pack)).toBe(false);
    const port = undefined as never;
    await expect(
      PictureKeeper.open({ pack, codec, port, analyser: undefined as never, size: 256 }),
    ).rejects.toThrow(/^pack: must be one without a motion vector$/);
  });
});

/** The largest difference of two pictures, in levels. */
function farthest(a: Picture, b: Picture): number {
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);
}
