/** What test/inference-web.test.ts does in a worker. */
import type { InferenceSession, Tensor } from '../../src/models/inference.js';
import { type LoadRuntimeOptions, loadRuntime } from '../../src/models/inference-web.js';
import { serveFunctions } from './serve-functions.js';
import { type Shapes, waves } from './waves.js';

type Options = Omit<LoadRuntimeOptions, 'assets'>;
/** Outputs by name, as JSON. */
export type Numbers = Record<string, number[]>;

const load = (options: Options, assets = 'assets/') =>
  loadRuntime({ assets: new URL(assets, location.href), ...options });

async function open(options: Options, graph: string): Promise<InferenceSession> {
  const { open } = await load(options);
  return open(new Uint8Array(await (await fetch(graph)).arrayBuffer()));
}

const numbers = (outputs: Record<string, Tensor>): Numbers =>
  Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, [...data]]));

serveFunctions({
  async runtime(options: Options, assets?: string) {
    const { runtime, threads, reason } = await load(options, assets);
    return { runtime, threads, reason };
  },
  async run(options: Options, graph: string, shapes: Shapes) {
    const session = await open(options, graph);
    const outputs = await session.run(waves(shapes));
    await session.close();
    return numbers(outputs);
  },
  /** Two sessions at once; the first one's outputs after it ran again and was closed twice; a late run. */
  async life(options: Options, graph: string, shapes: Shapes) {
    const sessions = await Promise.all([open(options, graph), open(options, graph)]);
    const [first, second] = await Promise.all(sessions.map((each) => each.run(waves(shapes))));
    await sessions[0]!.run(waves(shapes, 1));
    for (const session of sessions) await Promise.all([session.close(), session.close()]);
    const late = await sessions[0]!.run(waves(shapes)).then(() => 'ran', String);
    return { first: numbers(first!), second: numbers(second!), late };
  },
});
