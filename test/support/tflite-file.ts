/** A field of a FlatBuffers table, by its place in the array; undefined where it is left out. */
export type Field =
  | { readonly int8: number }
  | { readonly int32: number }
  | { readonly bytes: Uint8Array }
  | { readonly int32s: readonly number[] }
  | { readonly table: Fields }
  | { readonly tables: readonly Fields[] }
  | undefined;
export type Fields = readonly Field[];

/** A tensor: `half` and `float` are weights, `ints` a constant such as paddings. */
export interface TensorSpec {
  readonly dims: readonly number[];
  readonly half?: Uint16Array;
  readonly float?: Float32Array;
  readonly ints?: Int32Array;
}

export interface GraphSpec {
  readonly tensors: readonly TensorSpec[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly operators: readonly {
    readonly code: number;
    readonly inputs: readonly number[];
    readonly outputs: readonly number[];
    readonly options?: Fields;
  }[];
}

/** A TFLite file of one graph, every operator with a code of its own. */
export function tfliteFile(
  { tensors, inputs, outputs, operators }: GraphSpec,
  { version = 3 } = {},
): Uint8Array {
  const constants = tensors.map(({ half, float, ints }) => half ?? float ?? ints);
  const graph: Fields = [
    {
      tables: tensors.map(({ dims, half, ints }, i) => [
        { int32s: dims },
        { int8: half ? 1 : ints ? 2 : 0 },
        { int32: i },
      ]),
    },
    { int32s: inputs },
    { int32s: outputs },
    {
      tables: operators.map((operator, i) => [
        { int32: i },
        { int32s: operator.inputs },
        { int32s: operator.outputs },
        undefined,
        operator.options && { table: operator.options },
      ]),
    },
  ];
  return flatBuffer('TFL3', [
    { int32: version },
    // Old files have the code in field 0, those with codes above 127 in field 3.
    {
      tables: operators.map(({ code }) =>
        code < 128 ? [{ int8: code }] : [{ int8: 127 }, undefined, undefined, { int32: code }],
      ),
    },
    { tables: [graph] },
    undefined,
    {
      tables: constants.map((data) =>
        data ? [{ bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }] : [],
      ),
    },
  ]);
}

function flatBuffer(identifier: string, root: Fields): Uint8Array {
  const out: number[] = [0, 0, 0, 0, ...Buffer.from(identifier, 'latin1')];
  const align = () => {
    while (out.length % 4 !== 0) out.push(0);
  };
  const setInt32 = (at: number, value: number) => {
    for (let i = 0; i < 4; i++) out[at + i] = (value >> (8 * i)) & 255;
  };
  const pushInt32 = (value: number) => {
    out.push(0, 0, 0, 0);
    setInt32(out.length - 4, value);
  };

  /** Writes what a slot points to behind everything else. */
  function point(slot: number, write: () => number): void {
    align();
    const at = write();
    setInt32(slot, at - slot);
  }

  function writeTable(fields: Fields): number {
    align();
    const vtable = out.length;
    const sizes = [4 + 2 * fields.length, 4 + 4 * fields.length];
    const offsets = fields.map((field, i) => (field ? 4 + 4 * i : 0));
    for (const value of [...sizes, ...offsets]) out.push(value & 255, value >> 8);
    align();
    const table = out.length;
    pushInt32(table - vtable);
    for (const _ of fields) pushInt32(0);
    fields.forEach((field, i) => {
      if (field) writeField(table + 4 + 4 * i, field);
    });
    return table;
  }

  function writeField(slot: number, field: NonNullable<Field>): void {
    if ('int8' in field) out[slot] = field.int8 & 255;
    else if ('int32' in field) setInt32(slot, field.int32);
    else if ('table' in field) point(slot, () => writeTable(field.table));
    else point(slot, () => writeVector(field));
  }

  function writeVector(
    field: Extract<Field, { bytes: unknown } | { int32s: unknown } | { tables: unknown }>,
  ): number {
    const vector = out.length;
    if ('bytes' in field) {
      pushInt32(field.bytes.length);
      for (const byte of field.bytes) out.push(byte);
    } else if ('int32s' in field) {
      pushInt32(field.int32s.length);
      for (const value of field.int32s) pushInt32(value);
    } else {
      pushInt32(field.tables.length);
      for (const _ of field.tables) pushInt32(0);
      field.tables.forEach((table, i) => {
        point(vector + 4 + 4 * i, () => writeTable(table));
      });
    }
    return vector;
  }

  point(0, () => writeTable(root));
  return Uint8Array.from(out);
}
