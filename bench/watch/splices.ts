import { createPicture, type Picture } from '../../src/geometry/picture.js';
import type { CameraPoint } from './camera.js';

/**
 * What a splice makes of the picture of a clip: `ms` since it began, `other` another clip's picture, `eyes` the
 * middles of the left and the right one in the picture.
 */
export type Splice = (
  picture: Picture,
  ms: number,
  other: Picture,
  eyes?: readonly CameraPoint[],
) => Picture;

/** Where eyes mostly are. */
const EYES = [
  { x: 0.43, y: 0.46 },
  { x: 0.57, y: 0.46 },
] as const;

const TAU = 2 * Math.PI;

/** Each channel through a curve. */
function curved(picture: Picture, curve: (value: number, channel: number) => number): Picture {
  const out = createPicture(picture.width, picture.height);
  const tables = [0, 1, 2].map((channel) =>
    Uint8ClampedArray.from({ length: 256 }, (_, value) => curve(value, channel)),
  );
  for (let at = 0; at < out.data.length; at += 4) {
    for (let channel = 0; channel < 3; channel++)
      out.data[at + channel] = tables[channel][picture.data[at + channel]];
    out.data[at + 3] = 255;
  }
  return out;
}

/** A picture with something before it: `shade` says how much of a pixel it covers, and with what. */
function covered(
  picture: Picture,
  shade: (x: number, y: number) => readonly [number, number, number, number] | undefined,
): Picture {
  const { width, height, data } = picture;
  const out = { width, height, data: data.slice() };
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      const over = shade(x / width, y / height);
      if (!over) continue;
      for (let channel = 0; channel < 3; channel++)
        out.data[at + channel] += over[3] * (over[channel] - data[at + channel]);
    }
  }
  return out;
}

/** A hand drawn as a palm and four fingers, skin coloured, its palm's centre at `cx`, `cy` (0-1). */
export function hand(picture: Picture, cx: number, cy: number): Picture {
  return covered(picture, (x, y) => {
    const [dx, dy] = [x - cx, y - cy];
    const palm = Math.hypot(dx / 0.11, (dy - 0.06) / 0.13) < 1;
    const along = (dx + 0.1) / 0.05;
    const finger = Math.floor(along);
    const tip = -0.2 - 0.03 * Math.sin((finger + 0.7) * 0.8);
    const fingers = finger >= 0 && finger < 4 && Math.abs(along - finger - 0.5) < 0.42;
    if (!palm && !(fingers && dy > tip && dy < 0.03) && !(Math.abs(dx) < 0.07 && dy > 0.1))
      return undefined;
    const light = 0.8 + 0.2 * Math.cos(TAU * along) - 0.3 * dx;
    return [214 * light, 162 * light, 136 * light, 1];
  });
}

/** Glasses with dark rims before the eyes. */
function glasses(picture: Picture, [left, right]: readonly CameraPoint[]): Picture {
  const [acrossX, acrossY] = [right.x - left.x, right.y - left.y];
  const apart = Math.hypot(acrossX, acrossY);
  // Along the line between the eyes and across it, in units of their distance.
  const from = ({ x, y }: CameraPoint, px: number, py: number) => [
    ((px - x) * acrossX + (py - y) * acrossY) / apart ** 2,
    ((py - y) * acrossX - (px - x) * acrossY) / apart ** 2,
  ];
  const middle = { x: (left.x + right.x) / 2, y: (left.y + right.y) / 2 };
  return covered(picture, (x, y) => {
    const inRim = [left, right].map((eye) => {
      const [along, beside] = from(eye, x, y);
      return Math.hypot(along / 0.41, beside / 0.32);
    });
    const [along, beside] = from(middle, x, y);
    const bridge = Math.abs(along) < 0.14 && Math.abs(beside + 0.07) < 0.04;
    if (bridge || inRim.some((distance) => Math.abs(distance - 1) < 0.14)) return [20, 18, 18, 1];
    return Math.min(...inRim) < 1 ? [120, 130, 140, 0.25] : undefined;
  });
}

/** Where the other one of two sits: their picture's middle, which is so much further to the right. */
const BESIDE = { from: 0.68, shift: 0.33 } as const;

/** Another person beside the first, shoulder to shoulder. */
function besideEachOther(picture: Picture, other: Picture): Picture {
  const { width, height, data } = picture;
  const out = { width, height, data: data.slice() };
  for (let y = 0; y < height; y++) {
    for (let x = Math.round(BESIDE.from * width); x < width; x++) {
      const from = 4 * (y * width + x - Math.round(BESIDE.shift * width));
      out.data.set(other.data.subarray(from, from + 4), 4 * (y * width + x));
    }
  }
  return out;
}

export const SPLICES: Readonly<Record<string, Splice>> = {
  quiet: (picture) => picture,
  dark: (picture) => curved(picture, (value) => value * 0.55),
  bright: (picture) => curved(picture, (value) => 255 * (value / 255) ** 0.6),
  warm: (picture) => curved(picture, (value, channel) => value * [1.2, 0.98, 0.7][channel]),
  lamp: (picture) =>
    covered(picture, (x) => (x > 0.45 ? [255, 235, 200, Math.min(0.5, x - 0.45)] : [0, 0, 0, 0.3])),
  /** There and back before the face in 1.6 s, over and over. */
  wave: (picture, ms) =>
    hand(picture, 0.5 + 0.55 * Math.cos((TAU * ms) / 1600), 0.5 + 0.05 * Math.sin(ms / 150)),
  /** Comes up before the mouth and stays. */
  held: (picture, ms) =>
    hand(picture, 0.5 + 0.01 * Math.sin(ms / 200), Math.max(0.68, 1.2 - ms / 500)),
  /** Once before the face, in 1.2 s. */
  pass: (picture, ms) => hand(picture, 1.4 - (1.8 * ms) / 1200, 0.55),
  glasses: (picture, _ms, _other, eyes = EYES) => glasses(picture, eyes),
  stranger: (_picture, _ms, other) => other,
  two: (picture, _ms, other) => besideEachOther(picture, other),
  /** Nobody: the picture's left border drawn over all of it. */
  nobody: (picture) => {
    const { width, height, data } = picture;
    const out = createPicture(width, height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = 4 * (y * width + (x % 12));
        out.data.set(data.subarray(from, from + 4), 4 * (y * width + x));
      }
    }
    return out;
  },
};
