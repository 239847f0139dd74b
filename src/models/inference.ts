/** A dense float tensor in row-major order. */
export interface Tensor {
  readonly data: Float32Array;
  /** Length of each axis; the product is `data.length`. */
  readonly dims: readonly number[];
}

/**
 * A loaded ONNX graph, whatever runs it (onnxruntime-node here, a worker thread or onnxruntime-web
 * elsewhere).
 */
export interface InferenceSession {
  /**
   * Runs the graph on named inputs and gives all its outputs by name. Inputs stay the caller's and
   * must not change until the promise settles; outputs become the caller's. Calls must not overlap.
   */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** Frees the graph. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens an ONNX graph (the file's bytes) with what runs networks on this platform. */
export type OpenSession = (graph: Uint8Array) => Promise<InferenceSession>;
