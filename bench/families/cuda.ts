import * as ort from 'onnxruntime-node';
import { type OnnxGraph, writeOnnx } from '../../src/models/import/onnx-model.js';
import type { InferenceSession, Tensor } from '../../src/models/inference.js';

/** Opens a graph with onnxruntime's CUDA provider; what that cannot run goes to the CPU's. Rejects where it is not there. */
export async function openCuda(graph: Uint8Array): Promise<InferenceSession> {
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ['cuda'],
    logSeverityLevel: 4,
  });
  return {
    async run(inputs) {
      const feeds = Object.entries(inputs).map(([name, { data, dims }]) => [
        name,
        new ort.Tensor('float32', data, dims),
      ]);
      const results = await session.run(Object.fromEntries(feeds));
      const outputs: Record<string, Tensor> = {};
      for (const [name, { data, dims }] of Object.entries(results))
        outputs[name] = { data: data as Float32Array, dims };
      return outputs;
    },
    close: () => session.release(),
  };
}

const NOTHING: OnnxGraph = {
  name: 'nothing',
  inputs: [{ name: 'x', dims: [1] }],
  outputs: [{ name: 'y', dims: [1] }],
  initializers: [],
  nodes: [{ op: 'Relu', inputs: ['x'], output: 'y' }],
};

/** Why networks cannot run on CUDA here; undefined where they can. To be asked before any other session is opened. */
export async function whyNoCuda(): Promise<string | undefined> {
  // What it says of a missing library comes with the error too; the level counts from the first session on.
  ort.env.logLevel = 'fatal';
  try {
    const session = await openCuda(writeOnnx(NOTHING));
    await session.close();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}
