import { PackError } from '../pack.js';
import { readRoot, type Table } from './flatbuffer.js';

/** Element types of the tensors that are read here: TensorType of TFLite's schema.fbs. */
export const TFLITE_TYPE = { float32: 0, float16: 1, int32: 2 } as const;

/** A tensor of a TFLite graph. */
export interface TfliteTensor {
  /** Rank 4 is batch, height, width, channels. */
  readonly dims: readonly number[];
  /** A value of `TFLITE_TYPE`, or of a type that is not read here. */
  readonly type: number;
  /** Little-endian elements of a constant, not copied; empty otherwise. */
  readonly data: Uint8Array;
}

/** One operator of a TFLite graph. */
export interface TfliteOperator {
  /** BuiltinOperator of the schema. */
  readonly code: number;
  /** Indices of tensors; -1 for an input that is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The operator's table of options; its fields are the operator's. */
  readonly options: Table | undefined;
}

/** The one graph of a TFLite file, operators in an order that they can be run in. */
export interface TfliteGraph {
  readonly tensors: readonly TfliteTensor[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly operators: readonly TfliteOperator[];
}

const IDENTIFIER = 'TFL3';
const VERSION = 3;

/**
 * Reads a TFLite file (tensorflow/lite/schema/schema.fbs, version 3). `label` is what messages call
 * it. Throws a PackError where it is none, or broken.
 */
export function readTflite(label: string, file: Uint8Array): TfliteGraph {
  if (new TextDecoder('latin1').decode(file.subarray(4, 8)) !== IDENTIFIER) {
    throw new PackError(`${label} is no TFLite file: give the original file`);
  }
  try {
    return readModel(label, readRoot(file));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PackError(`${label} is truncated or damaged: give the original file`, { cause });
  }
}

function readModel(label: string, model: Table): TfliteGraph {
  const version = model.int32(0, 0);
  const graphs = model.tables(2);
  if (version !== VERSION || graphs.length !== 1) {
    throw new PackError(
      `${label} is of TFLite version ${version} with ${graphs.length} graphs: only version ${VERSION} with one is read`,
    );
  }
  const codes = model.tables(1).map((code) => Math.max(code.int8(0, 0), code.int32(3, 0)));
  const buffers = model.tables(4).map((buffer) => buffer.bytes(0));
  const [graph] = graphs as [Table];
  const tensors = graph.tables(0).map((tensor) => ({
    dims: tensor.int32s(0),
    type: tensor.int8(1, 0),
    data: at(buffers, tensor.int32(2, 0)),
  }));
  const known = (indices: readonly number[]) => {
    for (const index of indices) if (index !== -1) at(tensors, index);
    return indices;
  };
  return {
    tensors,
    inputs: known(graph.int32s(1)),
    outputs: known(graph.int32s(2)),
    operators: graph.tables(3).map((operator) => ({
      code: at(codes, operator.int32(0, 0)),
      inputs: known(operator.int32s(1)),
      outputs: known(operator.int32s(2)),
      options: operator.table(4),
    })),
  };
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item ${index} of ${items.length}`);
  return item;
}
