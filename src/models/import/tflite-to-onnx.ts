import { PackError } from '../pack.js';
import type { Table } from './flatbuffer.js';
import { type OnnxInitializer, type OnnxNode, writeOnnx } from './onnx-model.js';
import {
  readTflite,
  TFLITE_TYPE,
  type TfliteGraph,
  type TfliteOperator,
  type TfliteTensor,
} from './tflite.js';

/** BuiltinOperator of TFLite's schema.fbs: those that are converted. */
const OPERATOR = {
  add: 0,
  concatenation: 2,
  conv2d: 3,
  depthwiseConv2d: 4,
  dequantize: 6,
  logistic: 14,
  maxPool2d: 17,
  relu: 19,
  reshape: 22,
  pad: 34,
  prelu: 54,
} as const;
/** ActivationFunctionType. */
const NO_ACTIVATION = 0;
const RELU_ACTIVATION = 1;
/** Padding. */
const VALID = 1;

/** Where the axes batch, height, width, channels go, and where batch, channels, height, width. */
const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];

/** What the graph's inputs and outputs are called in ONNX, in the order of the TFLite file. */
export interface GraphNames {
  readonly inputs: readonly string[];
  /** An output without a name is left out. */
  readonly outputs: readonly (string | undefined)[];
}

/**
 * Converts a TFLite file of float32 arithmetic (weights float32 or float16) to ONNX, opset 13. A
 * tensor of rank 4 is batch, height, width, channels in TFLite and batch, channels, height, width in
 * ONNX, inputs and outputs too. Float16 weights stay float16, with a Cast that onnxruntime folds.
 * `label` is what messages call the file. Throws a PackError where it is broken or has an operator
 * that is not known here.
 */
export function convertTflite(label: string, file: Uint8Array, names: GraphNames): Uint8Array {
  const graph = readTflite(label, file);
  const { inputs, outputs } = names;
  if (graph.inputs.length !== inputs.length || graph.outputs.length !== outputs.length) {
    throw new PackError(
      `${label} has ${graph.inputs.length} inputs and ${graph.outputs.length} outputs, not ${inputs.length} and ${outputs.length}: give MediaPipe's face_landmarker.task`,
    );
  }
  try {
    return convertGraph(label, graph, names);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PackError(`${label} is damaged (${cause.message}): give the original file`, {
      cause,
    });
  }
}

function convertGraph(label: string, graph: TfliteGraph, names: GraphNames): Uint8Array {
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
  const tensor = (index: number | undefined): TfliteTensor => {
    const found = graph.tensors[index ?? -1];
    if (!found) throw new RangeError('an operator lacks an input');
    return found;
  };
  const emit = (
    op: string,
    inputs: string[],
    output: string,
    attributes?: OnnxNode['attributes'],
  ): string => {
    nodes.push({ op, inputs, output, ...(attributes && { attributes }) });
    return output;
  };

  function initializer(constant: OnnxInitializer): string {
    initializers.set(constant.name, constant);
    return constant.name;
  }
  const shape = (output: string, values: readonly number[]) =>
    initializer({
      name: `${output}_ints`,
      type: 'int64',
      dims: [values.length],
      data: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    });

  /** A weight as float32, its axes in another order, then of another shape. */
  function weight(index: number, order: readonly number[], dims: readonly number[]): string {
    const source = halves.get(index) ?? index;
    const name = `w${source}_${dims.join('x')}`;
    if (initializers.has(name) || initializers.has(`${name}_half`)) return name;
    const { type, dims: from, data } = tensor(source);
    const half = type === TFLITE_TYPE.float16;
    if (!half && type !== TFLITE_TYPE.float32) throw new RangeError(`weights of type ${type}`);
    const elementBytes = half ? 2 : 4;
    if (data.length !== elementBytes * count(from) || count(dims) !== count(from)) {
      throw new RangeError(`${data.length} bytes of weights for ${from.join(' × ')}`);
    }
    const moved = permute(data, elementBytes, from, order);
    if (!half) return initializer({ name, type: 'float32', dims, data: moved });
    initializer({ name: `${name}_half`, type: 'float16', dims, data: moved });
    return emit('Cast', [`${name}_half`], name, { to: 1 });
  }
  const isConstant = (index: number) => halves.has(index) || tensor(index).data.length > 0;

  /** An operand of an elementwise operator: a tensor, or a constant for each channel. */
  function operand(index: number, rank: number): string {
    if (!isConstant(index)) return nameOf(index);
    const { dims } = tensor(index);
    const channels = dims.at(-1) ?? 1;
    if (count(dims) !== channels) throw new RangeError(`a constant of ${dims.join(' × ')}`);
    return weight(index, identity(dims.length), rank === 4 ? [channels, 1, 1] : [channels]);
  }

  /** An operator with the activation that TFLite fuses to it. */
  function withActivation(
    activation: number,
    output: string,
    emitTo: (name: string) => void,
  ): void {
    if (activation === NO_ACTIVATION) {
      emitTo(output);
    } else if (activation === RELU_ACTIVATION) {
      emitTo(`${output}_linear`);
      emit('Relu', [`${output}_linear`], output);
    } else {
      throw new RangeError(`activation ${activation}`);
    }
  }

  function convolution(operator: TfliteOperator, depthwise: boolean): void {
    const { inputs, outputs, options } = operator;
    const [x, w, b] = inputs as [number, number, number | undefined];
    const [y] = outputs as [number];
    // O H W I, or 1 H W O where each input channel has its own filters.
    const [first = 0, height = 0, width = 0, last = 0] = tensor(w).dims;
    const kernel = [height, width];
    const [order, dims] = depthwise
      ? [
          [3, 0, 1, 2],
          [last, 1, height, width],
        ]
      : [TO_NCHW, [first, last, height, width]];
    const dilations = depthwise
      ? [integer(options, 6, 1), integer(options, 5, 1)]
      : [integer(options, 5, 1), integer(options, 4, 1)];
    const operands = [nameOf(x), weight(w, order, dims)];
    if (b !== undefined && b !== -1) operands.push(weight(b, [0], tensor(b).dims));
    withActivation(options?.int8(depthwise ? 4 : 3, 0) ?? 0, nameOf(y), (output) =>
      emit('Conv', operands, output, {
        ...window(tensor(x), tensor(y), kernel, options, dilations),
        dilations,
        group: depthwise ? (tensor(x).dims[3] ?? 0) : 1,
      }),
    );
  }

  function convert(operator: TfliteOperator): void {
    const { code, inputs, outputs, options } = operator;
    const [x, second] = inputs as [number, number | undefined];
    const [y] = outputs as [number];
    const output = nameOf(y);
    const { dims } = tensor(y);
    switch (code) {
      case OPERATOR.conv2d:
        convolution(operator, false);
        return;
      case OPERATOR.depthwiseConv2d:
        convolution(operator, true);
        return;
      case OPERATOR.dequantize:
        if (tensor(x).type !== TFLITE_TYPE.float16) break;
        halves.set(y, x);
        return;
      case OPERATOR.relu:
        emit('Relu', [nameOf(x)], output);
        return;
      case OPERATOR.logistic:
        emit('Sigmoid', [nameOf(x)], output);
        return;
      case OPERATOR.prelu:
        emit('PRelu', [nameOf(x), operand(second ?? -1, dims.length)], output);
        return;
      case OPERATOR.add:
        withActivation(options?.int8(0, 0) ?? 0, output, (name) =>
          emit(
            'Add',
            [x, second ?? -1].map((each) => operand(each, dims.length)),
            name,
          ),
        );
        return;
      case OPERATOR.maxPool2d: {
        const kernel = [integer(options, 4, 1), integer(options, 3, 1)];
        withActivation(options?.int8(5, 0) ?? 0, output, (name) =>
          emit('MaxPool', [nameOf(x)], name, window(tensor(x), tensor(y), kernel, options, [1, 1])),
        );
        return;
      }
      case OPERATOR.pad: {
        const pads = int32s(tensor(second));
        if (pads.length !== 2 * dims.length) throw new RangeError('Pad with other axes');
        const axes = dims.length === 4 ? TO_NCHW : identity(dims.length);
        const inOrder = [0, 1].flatMap((end) => axes.map((axis) => pads[axis * 2 + end]!));
        emit('Pad', [nameOf(x), shape(output, inOrder)], output);
        return;
      }
      case OPERATOR.concatenation: {
        const axis = (integer(options, 0, 0) + dims.length) % dims.length;
        withActivation(options?.int8(1, 0) ?? 0, output, (name) =>
          emit('Concat', inputs.map(nameOf), name, {
            axis: dims.length === 4 ? TO_NHWC[axis]! : axis,
          }),
        );
        return;
      }
      case OPERATOR.reshape: {
        const from = tensor(x).dims;
        // Elements lie in another order in ONNX, except where there is one channel or one pixel.
        const [, height = 1, width = 1, channels = 1] = from;
        const moves = from.length === 4 && channels > 1 && height * width > 1;
        if (dims.length === 4) break;
        const source = moves
          ? emit('Transpose', [nameOf(x)], `${output}_nhwc`, { perm: TO_NHWC })
          : nameOf(x);
        emit('Reshape', [source, shape(output, dims)], output);
        return;
      }
    }
    throw new PackError(
      `${label} has an operator that is not known here (TFLite's number ${code}): give MediaPipe's face_landmarker.task, float16/1`,
    );
  }

  for (const operator of graph.operators) convert(operator);
  const value = (index: number) => {
    const { dims } = tensor(index);
    return {
      name: nameOf(index),
      dims: dims.length === 4 ? TO_NCHW.map((axis) => dims[axis]!) : dims,
    };
  };
  return writeOnnx({
    name: label,
    inputs: graph.inputs.map(value),
    outputs: graph.outputs.filter((index) => given.has(index)).map(value),
    initializers: [...initializers.values()],
    nodes,
  });
}

const integer = (options: Table | undefined, field: number, absent: number) =>
  options?.int32(field, absent) ?? absent;
const count = (dims: readonly number[]) => dims.reduce((product, side) => product * side, 1);
const identity = (rank: number) => Array.from({ length: rank }, (_, i) => i);

/** Strides and padding of a window that slides over pixels; lengths are height, width. */
function window(
  x: TfliteTensor,
  y: TfliteTensor,
  kernel: readonly number[],
  options: Table | undefined,
  dilations: readonly number[],
) {
  const strides = [integer(options, 2, 1), integer(options, 1, 1)];
  const totals = [0, 1].map((axis) => {
    if (options?.int8(0, 0) === VALID) return 0;
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1;
    const covered = (y.dims[axis + 1]! - 1) * strides[axis]! + reach;
    return Math.max(0, covered - x.dims[axis + 1]!);
  });
  // SAME: what is odd goes to the end.
  const begins = totals.map((total) => total >> 1);
  const ends = totals.map((total, axis) => total - begins[axis]!);
  return { kernel_shape: kernel, strides, pads: [...begins, ...ends] };
}

function int32s({ type, data }: TfliteTensor): number[] {
  if (type !== TFLITE_TYPE.int32) throw new RangeError(`whole numbers of type ${type}`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.length >> 2 }, (_, i) => view.getInt32(4 * i, true));
}

/** A dense array with its axes in another order: axis `i` of the result is axis `order[i]`. */
function permute(
  data: Uint8Array,
  elementBytes: number,
  dims: readonly number[],
  order: readonly number[],
): Uint8Array {
  const strides = dims.map((_, axis) => count(dims.slice(axis + 1)));
  const out = new Uint8Array(data.length);
  const index = order.map(() => 0);
  for (let to = 0; to < data.length; to += elementBytes) {
    const from = order.reduce((sum, axis, i) => sum + strides[axis]! * index[i]!, 0);
    for (let i = 0; i < elementBytes; i++) out[to + i] = data[from * elementBytes + i]!;
    for (let i = order.length - 1; i >= 0 && ++index[i]! === dims[order[i]!]; i--) index[i] = 0;
  }
  return out;
}
