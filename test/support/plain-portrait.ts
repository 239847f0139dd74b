/** A pack of the family `portrait` whose network shows one colour: its weights. */
import { type OnnxNode, writeOnnx } from '../../src/models/import/onnx-model.js';
import type { Pack } from '../../src/models/pack.js';
import { openPack } from '../../src/models/pack-node.js';
import { float16Bits } from '../../src/protocol/float16.js';

/** Red, green, blue and how much of the references to drop: 0–1. */
export type Weights = readonly [number, number, number, number];

const CODE = 4;

const littleEndian = (size: number, values: readonly number[]): Uint8Array => {
  const out = new DataView(new ArrayBuffer(size * values.length));
  values.forEach((value, i) => {
    if (size === 2) out.setUint16(2 * i, value, true);
    else if (size === 4) out.setFloat32(4 * i, value, true);
    else out.setBigInt64(8 * i, BigInt(value), true);
  });
  return new Uint8Array(out.buffer);
};

/** A graph whose outputs are constants spread over their shapes; `weights` fill the last of them. */
function constantGraph(
  inputs: Readonly<Record<string, readonly number[]>>,
  outputs: Readonly<Record<string, { readonly dims: readonly number[]; readonly of: string }>>,
  weights: readonly number[],
): Uint8Array {
  const values = (of: Readonly<Record<string, readonly number[]>>) =>
    Object.entries(of).map(([name, dims]) => ({ name, dims }));
  const halves = littleEndian(2, weights.map(float16Bits));
  const spread = Object.entries(outputs).map(
    ([name, { of }]): OnnxNode => ({ op: 'Expand', inputs: [of, `${name}_shape`], output: name }),
  );
  return writeOnnx({
    name: 'constants',
    inputs: values(inputs),
    outputs: Object.entries(outputs).map(([name, { dims }]) => ({ name, dims })),
    initializers: [
      { name: 'zero', type: 'float32', dims: [1], data: littleEndian(4, [0]) },
      { name: 'one', type: 'float32', dims: [1], data: littleEndian(4, [1]) },
      { name: 'halves', type: 'float16', dims: [1, weights.length, 1, 1], data: halves },
      ...Object.entries(outputs).map(([name, { dims }]) => ({
        name: `${name}_shape`,
        type: 'int64' as const,
        dims: [dims.length],
        data: littleEndian(8, dims),
      })),
    ],
    nodes: [
      { op: 'Cast', inputs: ['halves'], output: 'weights', attributes: { to: 1 } },
      ...spread,
    ],
  });
}

/** The pack, for one reference. Its four weights are two tensors of two. */
export async function plainPortrait(weights: Weights): Promise<Pack> {
  const warp = await openPack('warp');
  const generator = constantGraph(
    {
      warped: [1, 1, 3, 256, 256],
      trust: [1, 1, 4, 128, 128],
      conditioning: [1, 7, 128, 128],
      layout: [1, CODE],
      style: [1, CODE],
    },
    {
      flow: { dims: [1, 1, 2, 64, 64], of: 'zero' },
      hold: { dims: [1, 1, 64, 64], of: 'zero' },
      blend: { dims: [1, 1, 64, 64], of: 'one' },
      paint: { dims: [1, 4, 256, 256], of: 'weights' },
    },
    weights,
  );
  const encoder = constantGraph(
    { pictures: [1, 3, 128, 128], conditioning: [1, 7, 128, 128] },
    { layout: { dims: [1, CODE], of: 'zero' }, style: { dims: [1, CODE], of: 'zero' } },
    weights,
  );
  const offset = Buffer.from(generator).indexOf(littleEndian(2, weights.map(float16Bits)));
  return {
    ...warp,
    identity: { name: 'plain', sha256: 'a1'.repeat(32) },
    manifest: { ...warp.manifest, name: 'plain', family: 'portrait' },
    networks: { encoder, generator },
    weights: {
      generator: [
        { offset, count: 2 },
        { offset: offset + 4, count: 2 },
      ],
    },
  };
}
