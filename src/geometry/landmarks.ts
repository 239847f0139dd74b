/** Points of MediaPipe's face topology: 468 of the mesh, then 10 of the irises. */
export const POINT_COUNT = 478;
/** Points of the mesh alone. */
export const MESH_POINT_COUNT = 468;

/**
 * The dense face geometry of one picture: `POINT_COUNT × (x, y, z)`, interleaved. Origin top left,
 * y down, z towards the camera negative and in the scale of x (MediaPipe FaceLandmarker's
 * convention). Unit: pixels of the picture it was found in, or **crop units** (256 across the
 * codec's square crop, whatever its resolution) everywhere behind the cropper.
 */
export type Landmarks = Float32Array;

/** Crop units across the codec's square crop. */
export const CROP_UNITS = 256;
