import { createPicture, type Picture } from '../../src/geometry/picture.js';

/** What a splice makes of the picture of a clip: `ms` since it began, `other` another clip's picture. */
export type Splice = (picture: Picture, ms: number, other: Picture) => Picture;

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

/** Rims of glasses around eyes at 0-1. */
function glasses(picture: Picture): Picture {
  return covered(picture, (x, y) => {
    const left = Math.hypot((x - 0.43) / 0.058, (y - 0.46) / 0.045);
    const right = Math.hypot((x - 0.57) / 0.058, (y - 0.46) / 0.045);
    const rim = Math.abs(left - 1) < 0.14 || Math.abs(right - 1) < 0.14;
    const bridge = Math.abs(x - 0.5) < 0.02 && Math.abs(y - 0.45) < 0.006;
    if (rim || bridge) return [20, 18, 18, 1];
    return left < 1 || right < 1 ? [120, 130, 140, 0.25] : undefined;
  });
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
  glasses: (picture) => glasses(picture),
  stranger: (_picture, _ms, other) => other,
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
