import {
  adaptDataChannels,
  CallReceiver,
  createBrowserPictureCodec,
  createDataChannels,
  createWorkerDecoder,
  fetchPack,
  type Picture,
} from 'visavis/browser';

/**
 * Shows the other side's talking head on a canvas until it ends the call. Call it before the
 * connection's first description is set; `worker` runs `visavis/worker`.
 */
export async function receiveFace(
  connection: RTCPeerConnection,
  canvas: HTMLCanvasElement,
  worker: Worker,
): Promise<void> {
  const { channels, opened } = adaptDataChannels(createDataChannels(connection));
  const pack = await fetchPack('packs/warp');
  await opened;
  const show = ({ data, width, height }: Picture) => {
    Object.assign(canvas, { width, height });
    canvas.getContext('2d')?.putImageData(new ImageData(data, width, height), 0, 0);
  };
  const receiver = new CallReceiver({
    channels,
    pack,
    maxSize: 512,
    decoder: createWorkerDecoder(worker, pack),
    pictureCodec: createBrowserPictureCodec(),
    onIdentity: show,
    onFrame: ({ picture }) => picture && show(picture),
  });
  await receiver.ended();
}
