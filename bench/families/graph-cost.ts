import * as ort from 'onnxruntime-node';
import { type ProfiledNode, profiledRun } from '../profiled-run.js';

/** Dimensions of a graph's inputs by name. */
export type InputDims = Readonly<Record<string, readonly number[]>>;

/** Weights that are packed anew are not among an operator's inputs. */
const WITH_WEIGHTS = { session: { disable_prepacking: '1' } };

const product = (dims: readonly number[]): number => dims.reduce((all, side) => all * side, 1);

/**
 * Multiply-accumulates of an operator by the shapes of its inputs and outputs: of convolutions and matrix products;
 * those of biases, norms, activations and resampling are not counted. Throws for an operator that holds a graph, and
 * for a contraction that is none of these.
 */
function macsOf(op: string, inputs: readonly (readonly number[])[], output: readonly number[]) {
  switch (op) {
    case 'Conv': // weight: out × in/groups × kernel
      return product(output) * product(inputs[1].slice(1));
    case 'ConvTranspose': // weight: in × out/groups × kernel
      return product(inputs[0]) * product(inputs[1].slice(1));
    case 'MatMul':
      return product(output) * inputs[0].at(-1)!;
    case 'Gemm': // whether transposed or not: (m k) (k n) over m n is k²
      return (
        product(output) * Math.sqrt((product(inputs[0]) * product(inputs[1])) / product(output))
      );
    case 'Einsum':
    case 'If':
    case 'Loop':
    case 'Scan':
      throw new Error(`the multiplications of ${op} are not counted`);
    default:
      return 0;
  }
}

/**
 * Multiply-accumulates of one run of an ONNX graph with inputs of these dimensions, by the execution provider that did
 * them: onnxruntime runs it, unoptimised, on inputs of zeros and says what shapes each operator met. Rejects where it
 * does not run.
 */
export async function countMacs(
  graph: Uint8Array,
  inputs: InputDims,
  provider: 'cpu' | 'cuda' = 'cpu',
): Promise<Record<string, number>> {
  const feeds = Object.entries(inputs).map(([name, dims]) => [
    name,
    new ort.Tensor('float32', new Float32Array(product(dims)), dims),
  ]);
  const { nodes } = await profiledRun(graph, Object.fromEntries(feeds), {
    executionProviders: [provider],
    graphOptimizationLevel: 'disabled',
    extra: WITH_WEIGHTS,
  });
  const macs: Record<string, number> = {};
  for (const node of nodes) {
    const shapes = (of: ProfiledNode['input_type_shape']) =>
      of.map((each) => Object.values(each)[0]);
    const [output = []] = shapes(node.output_type_shape);
    const count = macsOf(node.op_name, shapes(node.input_type_shape), output);
    macs[node.provider] = (macs[node.provider] ?? 0) + count;
  }
  return macs;
}

/** Fields of onnx.proto3 by number. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_DIMS = 1;
const TENSOR_TYPE = 2;
/** TensorProto.DataType. */
const FLOAT_TYPES: readonly number[] = [1, 10];

/** Numbers in the weights of an ONNX graph: its floating-point initialisers. */
export function countParameters(graph: Uint8Array): number {
  let count = 0;
  for (const { number, value: model } of fields(graph)) {
    if (number !== MODEL_GRAPH || typeof model === 'number') continue;
    for (const { number: part, value: tensor } of fields(model)) {
      if (part !== GRAPH_INITIALIZER || typeof tensor === 'number') continue;
      count += elementsOf(tensor);
    }
  }
  return count;
}

/** Elements of a TensorProto; 0 of one that holds no floating-point numbers. */
function elementsOf(tensor: Uint8Array): number {
  let elements = 1;
  let type = 0;
  for (const { number, value } of fields(tensor)) {
    if (number === TENSOR_TYPE && typeof value === 'number') type = value;
    if (number !== TENSOR_DIMS) continue;
    // Repeated integers may be packed.
    elements *= typeof value === 'number' ? value : product(varints(value));
  }
  return FLOAT_TYPES.includes(type) ? elements : 0;
}

/** Fields of a protobuf message (protobuf.dev, "Encoding"): integers as numbers, all else as bytes. */
function* fields(bytes: Uint8Array): Generator<{ number: number; value: number | Uint8Array }> {
  let at = 0;
  while (at < bytes.length) {
    let key: number;
    [key, at] = varint(bytes, at);
    const number = Math.floor(key / 8);
    const wire = key % 8;
    let value: number;
    if (wire === 0) {
      [value, at] = varint(bytes, at);
      yield { number, value };
      continue;
    }
    let length = wire === 1 ? 8 : 4;
    if (wire === 2) [length, at] = varint(bytes, at);
    yield { number, value: bytes.subarray(at, at + length) };
    at += length;
  }
}

function varints(bytes: Uint8Array): number[] {
  const values: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [value, next] = varint(bytes, at);
    values.push(value);
    at = next;
  }
  return values;
}

/** The integer at `at`, and where the next byte lies. */
function varint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let scale = 1; ; scale *= 128, at++) {
    value += (bytes[at] & 127) * scale;
    if (bytes[at] < 128) return [value, at + 1];
  }
}
