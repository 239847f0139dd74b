/** The axes batch, height, width, channels in the order batch, channels, height, width, and back. */
export const TO_NCHW = [0, 3, 1, 2];
export const TO_NHWC = [0, 2, 3, 1];

export const identity = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

/** Elements of a tensor. */
export const count = (dims: readonly number[]): number =>
  dims.reduce((product, side) => product * side, 1);

/** A dense array with its axes in another order: axis `i` of the result is axis `order[i]`. */
export function permute(
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
