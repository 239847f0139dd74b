import type { InferenceSession, OpenSession } from '../../src/models/inference.js';
import type { InputDims } from './graph-cost.js';

/** A run of a graph. */
export interface RecordedRun {
  readonly graph: Uint8Array;
  readonly inputs: InputDims;
}

/** Opens sessions and writes down what they are run on. */
export interface RecordedOpen {
  readonly open: OpenSession;
  /** The runs since the last call. */
  take(): RecordedRun[];
}

export function recordRuns(open: OpenSession): RecordedOpen {
  let runs: RecordedRun[] = [];
  return {
    async open(graph): Promise<InferenceSession> {
      const session = await open(graph);
      return {
        run(inputs) {
          const dims = Object.entries(inputs).map(([name, tensor]) => [name, tensor.dims]);
          runs.push({ graph, inputs: Object.fromEntries(dims) });
          return session.run(inputs);
        },
        close: () => session.close(),
      };
    },
    take() {
      const taken = runs;
      runs = [];
      return taken;
    },
  };
}
