import type { Picture } from '../geometry/picture.js';
import type { LabelSettings } from './messages.js';

/** Height of the letters, gap to the picture's edge and padding, over the picture's side. */
const FONT = 0.042;
const GAP = 0.025;
const PADDING = 0.016;
/** Letters of this size at least can be read. */
const LEAST_FONT_PX = 11;

interface Stamp {
  readonly side: number;
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly data: Uint8ClampedArray;
}

/** A function that says of a picture, in itself, that it is synthesised. */
export function createLabel({ text, position }: LabelSettings): (picture: Picture) => void {
  let stamp: Stamp | undefined;
  return ({ width, height, data }) => {
    if (stamp?.side !== width) stamp = drawStamp(text, position, width);
    const { left, top } = stamp;
    for (let y = 0; y < stamp.height && top + y < height; y++) {
      for (let x = 0; x < stamp.width && left + x < width; x++) {
        const from = 4 * (y * stamp.width + x);
        const to = 4 * ((top + y) * width + left + x);
        const share = stamp.data[from + 3] / 255;
        for (let c = 0; c < 3; c++) {
          data[to + c] += share * (stamp.data[from + c] - data[to + c]);
        }
      }
    }
  };
}

/** White letters on a dark rounded box, for a square picture of `side`. */
function drawStamp(text: string, position: LabelSettings['position'], side: number): Stamp {
  const gap = Math.round(GAP * side);
  const padding = Math.round(PADDING * side);
  const wanted = Math.max(LEAST_FONT_PX, FONT * side);
  const probe = new OffscreenCanvas(1, 1).getContext('2d')!;
  const font = (size: number) => `600 ${size}px system-ui, sans-serif`;
  probe.font = font(wanted);
  // A long translation gets smaller letters, never a cut.
  const room = side - 2 * (gap + padding);
  const size = wanted * Math.min(1, room / probe.measureText(text).width);
  probe.font = font(size);
  const width = Math.ceil(probe.measureText(text).width) + 2 * padding;
  const height = Math.ceil(size * 1.25) + 2 * padding;
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.fillStyle = 'rgb(0 0 0 / 62%)';
  context.beginPath();
  context.roundRect(0, 0, width, height, height / 3);
  context.fill();
  context.font = font(size);
  context.fillStyle = 'white';
  context.textBaseline = 'middle';
  context.fillText(text, padding, height / 2);
  const [vertical, horizontal] = position.split('-');
  return {
    side,
    width,
    height,
    left: horizontal === 'left' ? gap : side - gap - width,
    top: vertical === 'top' ? gap : side - gap - height,
    data: context.getImageData(0, 0, width, height).data,
  };
}
