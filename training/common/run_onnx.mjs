// Runs an ONNX graph in onnxruntime-node for training/common/onnx_export.py: JSON on stdin
// ({model, inputs: {name: {dims, data: base64 float32}}}), its outputs as the same on stdout.
import { text } from 'node:stream/consumers';
import ort from 'onnxruntime-node';

const { model, inputs } = JSON.parse(await text(process.stdin));
const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1 });
const feeds = Object.fromEntries(
  Object.entries(inputs).map(([name, { dims, data }]) => {
    const { buffer } = Uint8Array.from(Buffer.from(data, 'base64'));
    return [name, new ort.Tensor('float32', new Float32Array(buffer), dims)];
  }),
);
const results = Object.entries(await session.run(feeds)).map(([name, { dims, data }]) => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return [name, { dims, data: bytes.toString('base64') }];
});
process.stdout.write(JSON.stringify(Object.fromEntries(results)));
