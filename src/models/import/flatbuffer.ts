/**
 * A table of a FlatBuffers file (https://flatbuffers.dev/internals/): fields are known by their number
 * in the schema, and one that is not there has its default. Reading beyond the file throws a RangeError.
 */
export interface Table {
  int8(field: number, absent: number): number;
  int32(field: number, absent: number): number;
  /** A vector of bytes, not copied; empty where it is not there. */
  bytes(field: number): Uint8Array;
  /** A vector of int32; empty where it is not there. */
  int32s(field: number): number[];
  table(field: number): Table | undefined;
  /** A vector of tables; empty where it is not there. */
  tables(field: number): Table[];
}

/** The root table of a file. */
export function readRoot(file: Uint8Array): Table {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return readTable(view, view.getUint32(0, true));
}

function readTable(view: DataView, start: number): Table {
  const vtable = start - view.getInt32(start, true);
  const vtableBytes = view.getUint16(vtable, true);

  /** Where a field's value lies; undefined where it is not there. */
  function place(field: number): number | undefined {
    const slot = 4 + 2 * field;
    const offset = slot < vtableBytes ? view.getUint16(vtable + slot, true) : 0;
    return offset === 0 ? undefined : start + offset;
  }
  /** Where the thing that a field points to lies. */
  function target(field: number): number | undefined {
    const at = place(field);
    return at === undefined ? undefined : at + view.getUint32(at, true);
  }
  /** Where a vector's elements begin, and how many there are. */
  function vector(field: number, elementBytes: number): { at: number; count: number } {
    const at = target(field);
    if (at === undefined) return { at: 0, count: 0 };
    const count = view.getUint32(at, true);
    if (at + 4 + count * elementBytes > view.byteLength) {
      throw new RangeError('a vector goes beyond the end of the file');
    }
    return { at: at + 4, count };
  }
  function bytes(field: number): Uint8Array {
    const { at, count } = vector(field, 1);
    return new Uint8Array(view.buffer, view.byteOffset + at, count);
  }

  return {
    int8(field, absent) {
      const at = place(field);
      return at === undefined ? absent : view.getInt8(at);
    },
    int32(field, absent) {
      const at = place(field);
      return at === undefined ? absent : view.getInt32(at, true);
    },
    bytes,
    int32s(field) {
      const { at, count } = vector(field, 4);
      return Array.from({ length: count }, (_, i) => view.getInt32(at + 4 * i, true));
    },
    table(field) {
      const at = target(field);
      return at === undefined ? undefined : readTable(view, at);
    },
    tables(field) {
      const { at, count } = vector(field, 4);
      return Array.from({ length: count }, (_, i) => {
        const element = at + 4 * i;
        return readTable(view, element + view.getUint32(element, true));
      });
    },
  };
}
