import sharp, { type OverlayOptions } from 'sharp';
import { escapeXml } from '../../src/cli/report/plots.js';
import type { Picture } from '../../src/geometry/picture.js';
import type { Box, FaceBoxes } from './face-boxes.js';

/** A column of a strip: as much of a moment (moments.ts) as is drawn. */
export interface StripMoment {
  /** Number of the frame in the clip. */
  readonly index: number;
  readonly why: string;
  readonly source: {
    readonly picture: Picture;
    readonly face: { readonly boxes: FaceBoxes } | undefined;
  };
  /** In the order of the decoders. */
  readonly shown: readonly Picture[];
}

/** Pixels of the labels' column, of the line above and between two pictures. */
const LABEL_WIDTH = 132;
const HEAD_HEIGHT = 26;
const GAP = 2;
/** A close-up is as wide as a frame; its height over its width. */
const MOUTH_ASPECT = 0.7;
const EYES_ASPECT = 0.4;

/** Cuts `box` out, grown or cropped in height to the cell's aspect, and enlarges it to the cell. */
async function closeUp(picture: Picture, box: Box, width: number, height: number) {
  const { width: w, height: h, data } = picture;
  const across = Math.max(8, Math.min(w, box.right - box.left));
  const down = Math.max(4, Math.min(h, Math.round((across * height) / width)));
  const left = Math.max(0, Math.min(w - across, box.left));
  const middle = (box.top + box.bottom) / 2;
  const top = Math.max(0, Math.min(h - down, Math.round(middle - down / 2)));
  return sharp(data, { raw: { width: w, height: h, channels: 4 } })
    .extract({ left, top, width: across, height: down })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .removeAlpha()
    .png()
    .toBuffer();
}

async function whole({ width, height, data }: Picture) {
  return sharp(data, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .png()
    .toBuffer();
}

const around = ([a, b]: readonly [Box, Box]): Box => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});

/** Grows a box to each side by a share of its width. */
const grown = ({ left, top, right, bottom }: Box, share: number): Box => {
  const more = Math.round(share * (right - left));
  return { left: left - more, top: top - more, right: right + more, bottom: bottom + more };
};

function label(text: string, width: number, height: number): Buffer {
  const middle = Math.round(height / 2 + 5);
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><text x="6" y="${middle}" font-family="sans-serif" font-size="14" fill="#fff">${escapeXml(text)}</text></svg>`,
  );
}

/**
 * A JPEG of a clip's moments, one column each: the frames of the source and of every decoder, then
 * their mouths and their eyes, enlarged to the width of a frame. Where FaceLandmarker found no face in
 * the source there are no close-ups.
 */
export async function drawStrip(
  moments: readonly StripMoment[],
  decoders: readonly string[],
  size: number,
): Promise<Buffer> {
  const rows = ['source', ...decoders];
  const bands = [
    { name: '', height: size },
    { name: ' mouth', height: Math.round(size * MOUTH_ASPECT) },
    { name: ' eyes', height: Math.round(size * EYES_ASPECT) },
  ];
  const column = (at: number) => LABEL_WIDTH + at * (size + GAP);
  const layers: OverlayOptions[] = moments.map(({ index, why }, at) => ({
    input: label(`frame ${index}${why && `, ${why}`}`, size, HEAD_HEIGHT),
    left: column(at),
    top: 0,
  }));
  let top = HEAD_HEIGHT;
  for (const [band, { name, height }] of bands.entries()) {
    for (const [row, decoder] of rows.entries()) {
      layers.push({ input: label(decoder + name, LABEL_WIDTH, height), left: 0, top });
      for (const [at, { source, shown }] of moments.entries()) {
        const picture = row === 0 ? source.picture : shown[row - 1];
        const boxes = source.face?.boxes;
        if (band > 0 && !boxes) continue;
        const box =
          band === 1 ? boxes!.mouth : band === 2 ? grown(around(boxes!.eyes), 0.05) : null;
        const input = box ? await closeUp(picture, box, size, height) : await whole(picture);
        layers.push({ input, left: column(at), top });
      }
      top += height + GAP;
    }
  }
  const canvas = { width: column(moments.length), height: top, channels: 3 as const };
  return sharp({ create: { ...canvas, background: '#181a1f' } })
    .composite(layers)
    .jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
    .toBuffer();
}
