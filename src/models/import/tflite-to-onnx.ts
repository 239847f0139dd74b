import { PackError } from '../pack.js';
import { identity, TO_NCHW, TO_NHWC } from './axes.js';
import type { Table } from './flatbuffer.js';
import { createGraphBuilder, type GraphBuilder, type GraphNames } from './graph-builder.js';
import { readTflite, TFLITE_TYPE, type TfliteOperator, type TfliteTensor } from './tflite.js';

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
    const builder = createGraphBuilder(graph, names);
    for (const operator of graph.operators) {
      if (convert(builder, operator)) continue;
      throw new PackError(
        `${label} has an operator that cannot be converted (TFLite's number ${operator.code}): give MediaPipe's face_landmarker.task, float16/1`,
      );
    }
    return builder.finish(label);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PackError(`${label} is damaged (${cause.message}): give the original file`, {
      cause,
    });
  }
}

/** Adds the nodes of one operator; false where it is not known. */
function convert(builder: GraphBuilder, operator: TfliteOperator): boolean {
  const { tensor, nameOf, emit, operand, integers } = builder;
  const { code, inputs, outputs, options } = operator;
  const [x, second = -1] = inputs as [number, number | undefined];
  const [y] = outputs as [number];
  const output = nameOf(y);
  const { dims } = tensor(y);
  switch (code) {
    case OPERATOR.conv2d:
      addConvolution(builder, operator, false);
      return true;
    case OPERATOR.depthwiseConv2d:
      addConvolution(builder, operator, true);
      return true;
    case OPERATOR.dequantize:
      if (tensor(x).type !== TFLITE_TYPE.float16) return false;
      builder.dequantize(y, x);
      return true;
    case OPERATOR.relu:
      emit('Relu', [nameOf(x)], output);
      return true;
    case OPERATOR.logistic:
      emit('Sigmoid', [nameOf(x)], output);
      return true;
    case OPERATOR.prelu:
      if (dims.length !== 4) return false;
      addPrelu(builder, operator);
      return true;
    case OPERATOR.add: {
      const operands = [x, second].map((each) => operand(each, dims.length));
      withActivation(builder, activationOf(options, 0), output, (name) =>
        emit('Add', operands, name),
      );
      return true;
    }
    case OPERATOR.maxPool2d: {
      const kernel = [integer(options, 4, 1), integer(options, 3, 1)];
      const attributes = window(tensor(x), tensor(y), kernel, options, [1, 1]);
      withActivation(builder, activationOf(options, 5), output, (name) =>
        emit('MaxPool', [nameOf(x)], name, attributes),
      );
      return true;
    }
    case OPERATOR.pad: {
      const pads = int32s(tensor(second));
      if (pads.length !== 2 * dims.length) throw new RangeError('Pad with other axes');
      const axes = dims.length === 4 ? TO_NCHW : identity(dims.length);
      const inOrder = [0, 1].flatMap((end) => axes.map((axis) => pads[axis * 2 + end]!));
      emit('Pad', [nameOf(x), integers(`${output}_pads`, inOrder)], output);
      return true;
    }
    case OPERATOR.concatenation: {
      const axis = (integer(options, 0, 0) + dims.length) % dims.length;
      // What TO_NHWC takes a channel from is where NCHW has it.
      const attributes = { axis: dims.length === 4 ? TO_NHWC[axis]! : axis };
      withActivation(builder, activationOf(options, 1), output, (name) =>
        emit('Concat', inputs.map(nameOf), name, attributes),
      );
      return true;
    }
    case OPERATOR.reshape: {
      if (dims.length === 4) return false;
      // Elements lie in another order in ONNX, except where there is one channel or one pixel.
      const [, height = 1, width = 1, channels = 1] = tensor(x).dims;
      const moves = tensor(x).dims.length === 4 && channels > 1 && height * width > 1;
      const source = moves
        ? emit('Transpose', [nameOf(x)], `${output}_nhwc`, { perm: TO_NHWC })
        : nameOf(x);
      emit('Reshape', [source, integers(`${output}_shape`, dims)], output);
      return true;
    }
    default:
      return false;
  }
}

function addConvolution(builder: GraphBuilder, operator: TfliteOperator, depthwise: boolean): void {
  const { tensor, nameOf, emit, weight } = builder;
  const { inputs, outputs, options } = operator;
  const [x, w, b = -1] = inputs as [number, number, number | undefined];
  const [y] = outputs as [number];
  const { dims } = tensor(w);
  if (dims.length !== 4) throw new RangeError(`filters of ${dims.join(' × ')}`);
  // Out, height, width, in; or one, height, width, out where each input channel has its own filters.
  const [out, height, width, last] = dims as [number, number, number, number];
  const kernel = [height, width];
  const filters = depthwise
    ? weight(w, [3, 0, 1, 2], [last, 1, height, width])
    : weight(w, TO_NCHW, [out, last, height, width]);
  const dilations = depthwise
    ? [integer(options, 6, 1), integer(options, 5, 1)]
    : [integer(options, 5, 1), integer(options, 4, 1)];
  const bias = b === -1 ? [] : [weight(b, [0], tensor(b).dims)];
  const attributes = {
    ...window(tensor(x), tensor(y), kernel, options, dilations),
    dilations,
    group: depthwise ? (tensor(x).dims[3] ?? 0) : 1,
  };
  withActivation(builder, activationOf(options, depthwise ? 4 : 3), nameOf(y), (name) =>
    emit('Conv', [nameOf(x), filters, ...bias], name, attributes),
  );
}

/**
 * PReLU with slope a of each channel, as a·x + (1 - a)·relu(x) with convolutions of one pixel: they
 * stay in onnxruntime's blocked layout, which its PRelu leaves and re-enters. The landmark network takes
 * 3.5 instead of 5.9 ms so (best of 150 runs by turns, one thread of a busy machine).
 */
function addPrelu({ nameOf, emit, weightValues, floats }: GraphBuilder, operator: TfliteOperator) {
  const [x, slope] = operator.inputs as [number, number];
  const [input, output] = [nameOf(x), nameOf(operator.outputs[0]!)];
  const slopes = weightValues(slope);
  const scaled = (source: string, name: string, factors: readonly number[]) =>
    emit('Conv', [source, floats(`${name}_w`, [slopes.length, 1, 1, 1], factors)], name, {
      kernel_shape: [1, 1],
      group: slopes.length,
    });
  const rectified = emit('Relu', [input], `${output}_relu`);
  const above = slopes.map((a) => 1 - a);
  emit(
    'Add',
    [scaled(rectified, `${output}_above`, above), scaled(input, `${output}_all`, slopes)],
    output,
  );
}

/** An operator with the activation that TFLite fuses to it. */
function withActivation(
  { emit }: GraphBuilder,
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

const integer = (options: Table | undefined, field: number, absent: number) =>
  options?.int32(field, absent) ?? absent;
const activationOf = (options: Table | undefined, field: number) =>
  options?.int8(field, NO_ACTIVATION) ?? NO_ACTIVATION;

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
