import { MESH_POINT_COUNT, POINT_COUNT } from '../../geometry/landmarks.js';
import { createDetector } from './blazeface.js';
import type { FaceFinder } from './following.js';
import { createIrisRefiner } from './iris.js';
import type { TrackerPack } from './pack.js';
import { regionToPicture, sampleRegion } from './region.js';

/** Pixels along a side of the mesh network's input. */
const MESH_SIDE = 192;
/** MediaPipe's default `min_face_presence_confidence`. */
const MIN_PRESENCE = 0.5;

/** MediaPipe's BlazeFace, Face Mesh and Iris networks (Apache-2.0): 468 points, then the irises. */
export function createFaceMeshFinder({ graph, close }: TrackerPack): FaceFinder {
  const facemesh = graph('facemesh.onnx');
  const image = new Float32Array(MESH_SIDE * MESH_SIDE * 3);
  const dims = [1, MESH_SIDE, MESH_SIDE, 3];
  return {
    detect: createDetector(graph('blazeface.onnx')),
    refine: createIrisRefiner(graph('iris.onnx')),
    /** The irises' points are still zero. */
    async fit(picture, region) {
      sampleRegion(picture, region, MESH_SIDE, image, 0, { low: 0, high: 1, outside: 'edge' });
      const out = await facemesh.run({ image: { data: image, dims } });
      const presence = out.presence!.data[0]!;
      if (!(presence >= MIN_PRESENCE)) return undefined;
      const landmarks = new Float32Array(POINT_COUNT * 3);
      regionToPicture(region, MESH_SIDE, out.points!.data, MESH_POINT_COUNT, landmarks);
      return { landmarks, presence };
    },
    close,
  };
}
