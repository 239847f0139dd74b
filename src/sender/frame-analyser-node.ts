import { createNodeSession } from '../models/inference-node.js';
import {
  createFrameAnalyser as createAnyFrameAnalyser,
  type FrameAnalyser,
  type FrameAnalyserOptions,
} from './frame-analyser.js';

/** Threads of one network: what a machine of two cores has. */
const THREADS = 2;

/** As `createFrameAnalyser` of `visavis`; networks run with onnxruntime-node on the CPU. */
export const createFrameAnalyser = (
  options: Omit<FrameAnalyserOptions, 'open'>,
): Promise<FrameAnalyser> =>
  createAnyFrameAnalyser({ ...options, open: (graph) => createNodeSession(graph, THREADS) });
