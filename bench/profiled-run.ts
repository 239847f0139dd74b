import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';

/** What onnxruntime's profile says of one operator that it ran. */
export interface ProfiledNode {
  readonly op_name: string;
  /** Such as `CPUExecutionProvider`. */
  readonly provider: string;
  /** Each an element type and the dimensions. */
  readonly input_type_shape: readonly Readonly<Record<string, readonly number[]>>[];
  readonly output_type_shape: readonly Readonly<Record<string, readonly number[]>>[];
}

/** What onnxruntime says of a missing library or device comes with the error too. */
const LOG_FATAL = 4;

/** One run of an ONNX graph: its outputs, and each operator as it ran. Rejects where it does not run. */
export async function profiledRun(
  graph: Uint8Array,
  feeds: Readonly<Record<string, ort.Tensor>>,
  options: ort.InferenceSession.SessionOptions,
): Promise<{
  readonly outputs: ort.InferenceSession.OnnxValueMapType;
  readonly nodes: readonly ProfiledNode[];
}> {
  const folder = await mkdtemp(join(tmpdir(), 'visavis-profile-'));
  try {
    const session = await ort.InferenceSession.create(graph, {
      ...options,
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
      logSeverityLevel: LOG_FATAL,
    });
    let outputs: ort.InferenceSession.OnnxValueMapType;
    try {
      outputs = await session.run(feeds);
      session.endProfiling();
    } finally {
      await session.release();
    }
    const [file] = await readdir(folder);
    const events: { readonly name: string; readonly args: ProfiledNode }[] = JSON.parse(
      await readFile(join(folder, file), 'utf8'),
    );
    const nodes = events.filter(({ name }) => name.endsWith('_kernel_time'));
    return { outputs, nodes: nodes.map(({ args }) => args) };
  } finally {
    await rm(folder, { recursive: true });
  }
}
