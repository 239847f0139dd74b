import sharp from 'sharp';
import type { Picture } from '../../geometry/picture.js';
import { commonIndices, type FrameStore } from '../media/frame-store.js';
import type { QualityLog } from './measure.js';
import { psnrOf } from './quality.js';

/** One moment of the run: the source above, what was received below. */
export interface StripFrame {
  readonly index: number;
  /** Null where the frame was not measured. */
  readonly psnrDb: number | null;
  /** Whether it is the frame with the lowest PSNR of all that were measured. */
  readonly worst: boolean;
  /** WebP as data URIs. */
  readonly source: string;
  readonly received: string;
}

const MOMENTS = 8;

/** Pixels a side, at twice the size they have on the page. */
const THUMBNAIL = 200;

/** Evenly spread moments with the worst frame in the place of the nearest of them. */
export async function filmStrip(
  source: FrameStore,
  received: FrameStore,
  quality: QualityLog | undefined,
): Promise<StripFrame[]> {
  const indices = commonIndices(source, received);
  const worst = quality?.frames.reduce((a, b) => (b.mse > a.mse ? b : a));
  const count = Math.min(MOMENTS, indices.length);
  const chosen = Array.from(
    { length: count },
    (_, at) => indices[Math.round(((at + 0.5) / count) * indices.length - 0.5)],
  );
  if (worst !== undefined) {
    const nearest = chosen.reduce((a, b) =>
      Math.abs(b - worst.index) < Math.abs(a - worst.index) ? b : a,
    );
    chosen[chosen.indexOf(nearest)] = worst.index;
  }
  return Promise.all(
    chosen.map(async (index) => {
      const mse = quality?.frames.find((frame) => frame.index === index)?.mse;
      return {
        index,
        psnrDb: mse === undefined ? null : psnrOf(mse),
        worst: index === worst?.index,
        source: await dataUri(await source.read(index)),
        received: await dataUri(await received.read(index)),
      };
    }),
  );
}

async function dataUri({ width, height, data }: Picture): Promise<string> {
  const webp = await sharp(data, { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .resize(THUMBNAIL, THUMBNAIL, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 82 })
    .toBuffer();
  return `data:image/webp;base64,${webp.toString('base64')}`;
}
