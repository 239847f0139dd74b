import { float16Value } from '../../protocol/float16.js';
import { count, identity, permute, TO_NCHW } from './axes.js';
import { type OnnxInitializer, type OnnxNode, writeOnnx } from './onnx-model.js';
import { TFLITE_TYPE, type TfliteGraph, type TfliteTensor } from './tflite.js';

/** What the graph's inputs and outputs are called in ONNX, in the order of the TFLite file. */
export interface GraphNames {
  readonly inputs: readonly string[];
  /** An output without a name is left out. */
  readonly outputs: readonly (string | undefined)[];
}

/**
 * Collects the nodes of an ONNX graph that takes over the tensors of a TFLite graph; operators name
 * tensors by their indices there. Throws a RangeError on what no sound file has.
 */
export function createGraphBuilder(graph: TfliteGraph, names: GraphNames) {
  const nodes: OnnxNode[] = [];
  const initializers = new Map<string, OnnxInitializer>();
  /** Which constant of float16 stands behind a tensor of float32. */
  const halves = new Map<number, number>();
  const given = new Map<number, string>();
  names.outputs.forEach((name, i) => {
    if (name !== undefined) given.set(graph.outputs[i]!, name);
  });
  names.inputs.forEach((name, i) => {
    given.set(graph.inputs[i]!, name);
  });

  const nameOf = (index: number) => given.get(index) ?? `t${index}`;

  function tensor(index: number | undefined): TfliteTensor {
    const found = graph.tensors[index ?? -1];
    if (!found) throw new RangeError('an operator lacks an input');
    return found;
  }

  function emit(
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: OnnxNode['attributes'] = {},
  ): string {
    nodes.push({ op, inputs, output, attributes });
    return output;
  }

  function initializer(constant: OnnxInitializer): string {
    initializers.set(constant.name, constant);
    return constant.name;
  }

  /** A constant's elements, with the bytes of each checked against the tensor's dims. */
  function constant(index: number): { half: boolean; dims: readonly number[]; data: Uint8Array } {
    const { type, dims, data } = tensor(halves.get(index) ?? index);
    const half = type === TFLITE_TYPE.float16;
    const elementBytes = half ? 2 : 4;
    if (!(half || type === TFLITE_TYPE.float32) || data.length !== elementBytes * count(dims)) {
      throw new RangeError(`weights of type ${type} and ${data.length} bytes`);
    }
    return { half, dims, data };
  }

  /** A weight as float32, its axes in another order, then of another shape. */
  function weight(index: number, order: readonly number[], dims: readonly number[]): string {
    const name = `w${halves.get(index) ?? index}_${dims.join('x')}`;
    if (initializers.has(name) || initializers.has(`${name}_half`)) return name;
    const { half, dims: from, data } = constant(index);
    if (count(dims) !== count(from)) throw new RangeError(`weights of ${from.join(' × ')}`);
    const moved = permute(data, half ? 2 : 4, from, order);
    if (!half) return initializer({ name, type: 'float32', dims, data: moved });
    initializer({ name: `${name}_half`, type: 'float16', dims, data: moved });
    return emit('Cast', [`${name}_half`], name, { to: 1 });
  }

  return {
    tensor,
    nameOf,
    emit,
    weight,

    /** The tensor `y` is the constant `x` of float16, as float32. */
    dequantize(y: number, x: number): void {
      halves.set(y, x);
    },

    /** A constant of float32, such as `weightValues` gives after arithmetic. */
    floats: (name: string, dims: readonly number[], values: readonly number[]) =>
      initializer({
        name,
        type: 'float32',
        dims,
        data: new Uint8Array(Float32Array.from(values).buffer),
      }),

    /** A vector of int64. */
    integers: (name: string, values: readonly number[]) =>
      initializer({
        name,
        type: 'int64',
        dims: [values.length],
        data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
      }),

    /** The numbers of a weight. */
    weightValues(index: number): number[] {
      const { half, data } = constant(index);
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      return Array.from({ length: data.length / (half ? 2 : 4) }, (_, i) =>
        half ? float16Value(view.getUint16(2 * i, true)) : view.getFloat32(4 * i, true),
      );
    },

    /** An operand of an elementwise operator: a tensor, or a constant for each channel. */
    operand(index: number, rank: number): string {
      const { dims, data } = tensor(index);
      if (!halves.has(index) && data.length === 0) {
        if (dims.length !== rank) throw new RangeError(`an operand of ${dims.join(' × ')}`);
        return nameOf(index);
      }
      const channels = dims.at(-1) ?? 1;
      if (count(dims) !== channels) throw new RangeError(`a constant of ${dims.join(' × ')}`);
      return weight(index, identity(dims.length), rank === 4 ? [channels, 1, 1] : [channels]);
    },

    /** The file's bytes. */
    finish(name: string): Uint8Array {
      const value = (index: number) => {
        const { dims } = tensor(index);
        const inOrder = dims.length === 4 ? TO_NCHW.map((axis) => dims[axis]!) : dims;
        return { name: nameOf(index), dims: inOrder };
      };
      return writeOnnx({
        name,
        inputs: graph.inputs.map(value),
        outputs: graph.outputs.filter((index) => given.has(index)).map(value),
        initializers: [...initializers.values()],
        nodes,
      });
    },
  };
}

export type GraphBuilder = ReturnType<typeof createGraphBuilder>;
