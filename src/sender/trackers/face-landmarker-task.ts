import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { convertTflite } from '../../models/import/tflite-to-onnx.js';
import { openZip } from '../../models/import/zip.js';
import { KNOWN_TASK_SHA256 } from './face-landmarker.js';

/** The graphs of a `face_landmarker.task`, converted. */
export interface ConvertedTask {
  /** ONNX: `image` (1, 3, 128, 128), -1–1 → `boxes` (1, 896, 16), `scores` (1, 896, 1). */
  readonly detector: Uint8Array;
  /** ONNX: `image` (1, 3, 256, 256), 0–1 → `points` (1, 1434, 1, 1), `face` (1, 1, 1, 1), a logit. */
  readonly landmarks: Uint8Array;
  /** SHA-256 of the task file, in hexadecimal digits. */
  readonly sha256: string;
  /** Whether it is the file that all figures are of. */
  readonly known: boolean;
}

/**
 * Converts MediaPipe's `face_landmarker.task`. `label` is what messages call it. Throws a PackError
 * where it is something else, or broken.
 */
export function convertTask(label: string, file: Uint8Array): ConvertedTask {
  const entry = openZip(label, file);
  const convert = (name: string, outputs: readonly (string | undefined)[]) =>
    convertTflite(`${name} in ${label}`, entry(name), { inputs: ['image'], outputs });
  const hash = bytesToHex(sha256(file));
  return {
    detector: convert('face_detector.tflite', ['boxes', 'scores']),
    landmarks: convert('face_landmarks_detector.tflite', ['points', 'face', undefined]),
    sha256: hash,
    known: hash === KNOWN_TASK_SHA256,
  };
}
