/** Element types: TensorProto.DataType of onnx.proto3. */
export const ONNX_TYPE = { float32: 1, int64: 7, float16: 10 } as const;
export type OnnxType = keyof typeof ONNX_TYPE;

/** A constant; `data` holds little-endian elements in row-major order. */
export interface OnnxInitializer {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/** One operator. An input that is left out has the name ''. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Numbers are integers. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A float32 input or output of the graph. */
export interface OnnxValue {
  readonly name: string;
  readonly dims: readonly number[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxInitializer[];
  /** In an order that they can be run in. */
  readonly nodes: readonly OnnxNode[];
}

/** PRelu, Pad and Reshape as they are used here have not changed since; onnxruntime 1.4 reads it. */
const OPSET = 13;
const IR_VERSION = 7;
const PRODUCER = 'visavis';
/** AttributeProto.AttributeType. */
const INT = 2;
const INTS = 7;

/** Bytes of a file of ONNX (onnx.proto3) that holds one graph. The same graph gives the same bytes. */
export function writeOnnx(graph: OnnxGraph): Uint8Array {
  return join([
    integer(1, IR_VERSION),
    text(2, PRODUCER),
    message(7, [
      ...graph.nodes.map((node) => message(1, nodeFields(node))),
      text(2, graph.name),
      ...graph.initializers.map((constant) => message(5, initializerFields(constant))),
      ...graph.inputs.map((value) => message(11, valueFields(value))),
      ...graph.outputs.map((value) => message(12, valueFields(value))),
    ]),
    message(8, [text(1, ''), integer(2, OPSET)]),
  ]);
}

function nodeFields({ op, inputs, output, attributes = {} }: OnnxNode): Uint8Array[] {
  return [
    ...inputs.map((name) => text(1, name)),
    text(2, output),
    text(3, output),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      message(
        5,
        typeof value === 'number'
          ? [text(1, name), integer(3, value), integer(20, INT)]
          : [text(1, name), ...value.map((each) => integer(8, each)), integer(20, INTS)],
      ),
    ),
  ];
}

function initializerFields({ name, type, dims, data }: OnnxInitializer): Uint8Array[] {
  return [
    ...dims.map((side) => integer(1, side)),
    integer(2, ONNX_TYPE[type]),
    text(8, name),
    bytes(9, data),
  ];
}

function valueFields({ name, dims }: OnnxValue): Uint8Array[] {
  const shape = dims.map((side) => message(1, [integer(1, side)]));
  return [
    text(1, name),
    message(2, [message(1, [integer(1, ONNX_TYPE.float32), message(2, shape)])]),
  ];
}

// Fields of Protocol Buffers (protobuf.dev/programming-guides/encoding): key, then value.

/** Wire types. */
const VARINT = 0;
const LENGTH_DELIMITED = 2;

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([...varint((field << 3) | VARINT), ...varint(value)]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  const head = [...varint((field << 3) | LENGTH_DELIMITED), ...varint(value.length)];
  return join([Uint8Array.from(head), value]);
}

const text = (field: number, value: string) => bytes(field, new TextEncoder().encode(value));
const message = (field: number, fields: readonly Uint8Array[]) => bytes(field, join(fields));

/** A whole number from 0 on. */
function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return [...out, rest];
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
