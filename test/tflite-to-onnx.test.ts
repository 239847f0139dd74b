import { describe, expect, it } from 'vitest';
import { convertTflite } from '../src/models/import/tflite-to-onnx.js';
import { createNodeSession } from '../src/models/inference-node.js';
import { PackError } from '../src/models/pack.js';
import { float16Bits } from '../src/protocol/float16.js';
import { type Fields, type GraphSpec, type TensorSpec, tfliteFile } from './support/tflite-file.js';

// BuiltinOperator of TFLite's schema.
const [ADD, CONCATENATION, CONV_2D, DEPTHWISE_CONV_2D, DEQUANTIZE] = [0, 2, 3, 4, 6];
const [LOGISTIC, MAX_POOL_2D, RELU, RESHAPE, PAD, PRELU] = [14, 17, 19, 22, 34, 54];
const SAME = 0;
const VALID = 1;
const RELU_ACTIVATION = 1;

const NAMES = { inputs: ['x'], outputs: ['y'] };
const product = (dims: readonly number[]) => dims.reduce((all, side) => all * side, 1);
/** Small whole numbers, of both signs: float32 and float16 hold them and their sums exactly. */
const numbers = (length: number, seed = 1) =>
  Float32Array.from({ length }, (_, i) => ((i * 7 + seed * 5 + ((i * i) >> 2)) % 9) - 4);
const halves = (values: Float32Array) => Uint16Array.from(values, float16Bits);

/** Rearranges a tensor of rank 4; others stay. */
function rearrange(data: Float32Array, dims: readonly number[], order: number[]): Float32Array {
  if (dims.length !== 4) return data;
  const strides = dims.map((_, axis) => product(dims.slice(axis + 1)));
  const [a, b, c, d] = order.map((axis) => dims[axis]!);
  const out: number[] = [];
  for (let i = 0; i < a!; i++)
    for (let j = 0; j < b!; j++)
      for (let k = 0; k < c!; k++)
        for (let l = 0; l < d!; l++)
          out.push(data[[i, j, k, l].reduce((at, v, n) => at + v * strides[order[n]!]!, 0)]!);
  return Float32Array.from(out);
}

/** Converts, runs on `numbers` in TFLite's order, and gives the output in TFLite's order. */
async function run(spec: GraphSpec, input?: Float32Array) {
  const session = await createNodeSession(convertTflite('graph', tfliteFile(spec), NAMES));
  const { dims } = spec.tensors[spec.inputs[0]!]!;
  const data = rearrange(input ?? numbers(product(dims)), dims, [0, 3, 1, 2]);
  const nchw = dims.length === 4 ? [0, 3, 1, 2].map((axis) => dims[axis]!) : dims;
  const { y } = await session.run({ x: { data, dims: nchw } });
  await session.close();
  return { dims: y!.dims, data: rearrange(y!.data, y!.dims, [0, 2, 3, 1]) };
}

/** A graph of one operator on tensor 0 that gives tensor 1; constants follow. */
const single = (
  code: number,
  from: readonly number[],
  to: readonly number[],
  constants: readonly TensorSpec[] = [],
  options?: Fields,
): GraphSpec => ({
  tensors: [{ dims: from }, { dims: to }, ...constants],
  inputs: [0],
  outputs: [1],
  operators: [
    {
      code,
      inputs: [0, ...constants.map((_, i) => i + 2)],
      outputs: [1],
      ...(options && { options }),
    },
  ],
});

const int32 = (value: number) => ({ int32: value });

/** Convolution as TFLite defines it, on channels last. Filters: height, width, in, out. */
function convolve(
  x: Float32Array,
  [, height, width, channels]: readonly [number, number, number, number],
  filter: (row: number, column: number, channel: number, out: number) => number,
  [rows, columns]: readonly [number, number],
  [strideY, strideX]: readonly [number, number],
  bias: Float32Array,
  same: boolean,
): number[] {
  const side = (size: number, kernel: number, stride: number) =>
    same ? Math.ceil(size / stride) : Math.ceil((size - kernel + 1) / stride);
  const outHeight = side(height, rows, strideY);
  const outWidth = side(width, columns, strideX);
  const before = (size: number, out: number, kernel: number, stride: number) =>
    same ? Math.floor(Math.max(0, (out - 1) * stride + kernel - size) / 2) : 0;
  const top = before(height, outHeight, rows, strideY);
  const left = before(width, outWidth, columns, strideX);
  const y: number[] = [];
  for (let i = 0; i < outHeight; i++)
    for (let j = 0; j < outWidth; j++)
      bias.forEach((start, out) => {
        let sum = start;
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < columns; c++) {
            const [py, px] = [i * strideY + r - top, j * strideX + c - left];
            if (py < 0 || px < 0 || py >= height || px >= width) continue;
            for (let k = 0; k < channels; k++)
              sum += x[(py * width + px) * channels + k]! * filter(r, c, k, out);
          }
        y.push(sum);
      });
  return y;
}

describe('TFLite operators in ONNX, exact numbers', () => {
  it.each([
    { padding: SAME, to: [1, 3, 4, 2], activation: 0 },
    { padding: VALID, to: [1, 2, 2, 2], activation: 0 },
    { padding: SAME, to: [1, 3, 4, 2], activation: RELU_ACTIVATION },
  ])('convolves, with padding that is uneven where it is SAME: %o', async (test) => {
    const { padding, to, activation } = test;
    const from = [1, 6, 4, 3] as const;
    const [w, bias] = [numbers(2 * 3 * 3 * 3, 2), numbers(2, 3)];
    const options = [{ int8: padding }, int32(1), int32(2), { int8: activation }];
    if (padding === VALID) options[1] = int32(1);
    const spec = single(
      CONV_2D,
      from,
      to,
      [
        { dims: [2, 3, 3, 3], float: w },
        { dims: [2], float: bias },
      ],
      options,
    );
    const filter = (r: number, c: number, k: number, out: number) =>
      w[((out * 3 + r) * 3 + c) * 3 + k]!;
    const expected = convolve(numbers(72), from, filter, [3, 3], [2, 1], bias, padding === SAME);
    const { dims, data } = await run(spec);
    expect(dims).toEqual([0, 3, 1, 2].map((axis) => to[axis]));
    expect([...data]).toEqual(activation ? expected.map((v) => Math.max(0, v)) : expected);
  });

  it('convolves each channel by itself, with weights of float16', async () => {
    const from = [1, 5, 5, 3] as const;
    const [w, bias] = [numbers(3 * 3 * 3, 4), numbers(3, 5)];
    const spec: GraphSpec = {
      tensors: [
        { dims: from },
        { dims: [1, 3, 3, 3] },
        { dims: [1, 3, 3, 3], half: halves(w) },
        { dims: [3], half: halves(bias) },
        { dims: [1, 3, 3, 3] },
        { dims: [3] },
      ],
      inputs: [0],
      outputs: [1],
      operators: [
        { code: DEQUANTIZE, inputs: [2], outputs: [4] },
        { code: DEQUANTIZE, inputs: [3], outputs: [5] },
        {
          code: DEPTHWISE_CONV_2D,
          inputs: [0, 4, 5],
          outputs: [1],
          options: [{ int8: SAME }, int32(2), int32(2), int32(1)],
        },
      ],
    };
    const filter = (r: number, c: number, k: number, out: number) =>
      k === out ? w[(r * 3 + c) * 3 + k]! : 0;
    const expected = convolve(numbers(75), from, filter, [3, 3], [2, 2], bias, true);
    expect([...(await run(spec)).data]).toEqual(expected);
  });

  it('has a slope for each channel below zero, whatever its sign', async () => {
    const slopes = Float32Array.of(0.5, -2, 4);
    const spec = single(
      PRELU,
      [1, 2, 2, 3],
      [1, 2, 2, 3],
      [{ dims: [1, 1, 3], half: halves(slopes) }],
    );
    const expected = [...numbers(12)].map((v, i) => (v > 0 ? v : v * slopes[i % 3]!));
    expect((await run(spec)).data).toEqual(Float32Array.from(expected.map((v) => v + 0)));
  });

  it('adds a tensor to itself, and a constant for each channel', async () => {
    const dims = [1, 2, 2, 2];
    const twice: GraphSpec = {
      tensors: [{ dims }, { dims }],
      inputs: [0],
      outputs: [1],
      operators: [
        { code: ADD, inputs: [0, 0], outputs: [1], options: [{ int8: RELU_ACTIVATION }] },
      ],
    };
    expect([...(await run(twice)).data]).toEqual([...numbers(8)].map((v) => Math.max(0, 2 * v)));
    const constant = single(ADD, dims, dims, [{ dims: [2], float: Float32Array.of(10, 20) }], []);
    expect([...(await run(constant)).data]).toEqual(
      [...numbers(8)].map((v, i) => v + (i % 2 ? 20 : 10)),
    );
  });

  it('takes maxima of windows that reach beyond the edge', async () => {
    const options = [{ int8: SAME }, int32(2), int32(2), int32(2), int32(2)];
    const spec = single(MAX_POOL_2D, [1, 3, 3, 1], [1, 2, 2, 1], [], options);
    const input = Float32Array.of(-1, -2, -3, -4, -5, -6, -7, -8, -9);
    expect([...(await run(spec, input)).data]).toEqual([-1, -3, -7, -9]);
  });

  it('pads pixels and channels', async () => {
    const pads = Int32Array.of(0, 0, 1, 0, 0, 2, 0, 1);
    const spec = single(PAD, [1, 1, 1, 2], [1, 2, 3, 3], [{ dims: [4, 2], ints: pads }]);
    const none = [0, 0, 0];
    expect([...(await run(spec, Float32Array.of(5, 6))).data]).toEqual(
      [none, none, none, [5, 6, 0], none, none].flat(),
    );
  });

  it('reshapes in the order that TFLite has', async () => {
    const reshaped = await run(single(RESHAPE, [1, 2, 3, 4], [1, 6, 4]));
    expect(reshaped.dims).toEqual([1, 6, 4]);
    expect(reshaped.data).toEqual(numbers(24));
    expect((await run(single(RESHAPE, [1, 1, 1, 4], [4]))).data).toEqual(numbers(4));
  });

  it.each([
    { dims: [1, 2, 2, 1], axis: 3, to: [1, 2, 2, 2], expected: [1, 1, 2, 2, 3, 3, 4, 4] },
    { dims: [1, 2, 2, 1], axis: -2, to: [1, 2, 4, 1], expected: [1, 2, 1, 2, 3, 4, 3, 4] },
    { dims: [1, 2, 2], axis: 1, to: [1, 4, 2], expected: [1, 2, 3, 4, 1, 2, 3, 4] },
  ])(
    'puts tensors one behind the other along an axis: %o',
    async ({ dims, axis, to, expected }) => {
      const spec: GraphSpec = {
        tensors: [{ dims }, { dims: to }],
        inputs: [0],
        outputs: [1],
        operators: [{ code: CONCATENATION, inputs: [0, 0], outputs: [1], options: [int32(axis)] }],
      };
      expect([...(await run(spec, Float32Array.of(1, 2, 3, 4))).data]).toEqual(expected);
    },
  );

  it('rectifies and squashes', async () => {
    expect([...(await run(single(RELU, [1, 3], [1, 3]), Float32Array.of(-1, 0, 2))).data]).toEqual([
      0, 0, 2,
    ]);
    const { data } = await run(single(LOGISTIC, [1, 3], [1, 3]), Float32Array.of(-100, 0, 100));
    expect([data[0], data[1], data[2]]).toEqual([expect.closeTo(0, 6), 0.5, 1]);
  });
});

describe('files that cannot be converted', () => {
  const convert = (file: Uint8Array, names: { inputs: string[]; outputs: string[] } = NAMES) =>
    convertTflite('detector', file, names);
  const options = [{ int8: SAME }, int32(1), int32(1)];
  const sound = tfliteFile(
    single(
      CONV_2D,
      [1, 4, 4, 1],
      [1, 4, 4, 1],
      [{ dims: [1, 1, 1, 1], float: Float32Array.of(2) }],
      options,
    ),
  );

  it('says what is wrong in one line', () => {
    expect(() => convert(tfliteFile(single(200, [1], [1])))).toThrow(
      /^detector has an operator that cannot be converted \(TFLite's number 200\): give [^\n]*$/,
    );
    expect(() => convert(sound, { inputs: ['x'], outputs: ['y', 'z'] })).toThrow(
      /^detector has 1 inputs and 1 outputs, not 1 and 2: give /,
    );
    expect(() => convert(Buffer.from('PK\x03\x04 something else'))).toThrow(/is no TFLite file/);
    expect(() => convert(tfliteFile(single(RELU, [1], [1]), { version: 4 }))).toThrow(/version 4/);
    const tooFew = [{ dims: [4, 3, 3, 1], float: Float32Array.of(2) }];
    expect(() =>
      convert(tfliteFile(single(CONV_2D, [1, 4, 4, 1], [1, 4, 4, 4], tooFew, options))),
    ).toThrow(/^detector is damaged \(weights of type 0 and 4 bytes\)/);
  });

  it('takes every truncated file for what it is', () => {
    expect(convert(sound).length).toBeGreaterThan(0);
    for (let length = 0; length < sound.length; length += 3)
      expect(() => convert(sound.slice(0, length)), `${length} bytes`).toThrow(PackError);
  });

  it('converts or refuses a file with any byte changed, and never hangs', () => {
    let refused = 0;
    for (let at = 0; at < sound.length; at++)
      for (const bit of [1, 128]) {
        const changed = sound.slice();
        changed[at]! ^= bit;
        try {
          convert(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(PackError);
          refused++;
        }
      }
    expect(refused).toBeGreaterThan(100);
  });
});
