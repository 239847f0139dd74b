/** What test/talking-head-runtimes.test.ts does in a worker: it decodes a picture as a receiver does. */
import { createDecoder } from '../../src/models/families/index.js';
import { loadRuntime, type RuntimeName } from '../../src/models/inference-web.js';
import { fetchPack } from '../../src/models/pack-fetch.js';
import { serveFunctions } from './serve-functions.js';

/** A square reference picture, whose RGBA pixels are served at a path. */
export interface ServedReference {
  readonly path: string;
  readonly size: number;
  /** In crop units. */
  readonly landmarks: readonly number[];
}

export interface Decoded {
  readonly runtime: RuntimeName;
  /** RGBA. */
  readonly data: readonly number[];
}

async function fetchReference({ path, size, landmarks }: ServedReference) {
  const data = new Uint8ClampedArray(await (await fetch(path)).arrayBuffer());
  return {
    picture: { width: size, height: size, data },
    landmarks: Float32Array.from(landmarks),
  };
}

serveFunctions({
  async decode(
    prefer: RuntimeName,
    size: number,
    references: readonly ServedReference[],
    geometry: readonly number[],
  ): Promise<Decoded> {
    const assets = new URL('assets/', location.href);
    const { open, runtime } = await loadRuntime({ assets, prefer });
    const decoder = createDecoder(await fetchPack('packs/portrait-256-cpu'), open);
    await decoder.setIdentity({
      size,
      references: await Promise.all(references.map(fetchReference)),
    });
    const { data } = await decoder.decode(Float32Array.from(geometry));
    await decoder.close();
    return { runtime, data: [...data] };
  },
});
