import type { Picture } from '../geometry/picture.js';

/** The longer side of the pictures that are looked at: a crop of 512 pixels fits into a third of it. */
const MAX_SIDE = 1280;

/**
 * A function that reads the pixels of frames, which stay the caller's. The picture is valid until the
 * next call.
 */
export function createPictureReader(): (frame: VideoFrame) => Promise<Picture> {
  let buffer = new Uint8ClampedArray(0);
  let copies = true;
  let context: OffscreenCanvasRenderingContext2D | undefined;

  return async function read(frame) {
    const { displayWidth, displayHeight } = frame;
    const shrink = Math.min(1, MAX_SIDE / Math.max(displayWidth, displayHeight));
    const width = Math.round(displayWidth * shrink);
    const height = Math.round(displayHeight * shrink);
    const asIs =
      frame.visibleRect?.width === width && frame.visibleRect.height === height && isUpright(frame);
    if (copies && asIs) {
      const bytes = width * height * 4;
      if (buffer.length !== bytes) buffer = new Uint8ClampedArray(bytes);
      // Not every browser converts pixel formats (W3C WebCodecs §9.5.2: it may refuse).
      const layout = await frame
        .copyTo(buffer, { format: 'RGBA', colorSpace: 'srgb' } as VideoFrameCopyToOptions)
        .catch(() => undefined);
      if (layout?.[0]?.offset === 0 && layout[0].stride === width * 4) {
        return { width, height, data: buffer };
      }
      copies = false;
    }
    if (context?.canvas.width !== width || context.canvas.height !== height) {
      context = new OffscreenCanvas(width, height).getContext('2d', {
        willReadFrequently: true,
      })!;
    }
    context.drawImage(frame, 0, 0, width, height);
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  };
}

/** Whether a frame is neither turned nor mirrored (W3C WebCodecs: `rotation`, `flip`). */
function isUpright(frame: VideoFrame): boolean {
  const { rotation = 0, flip = false } = frame as { rotation?: number; flip?: boolean };
  return rotation === 0 && !flip;
}
