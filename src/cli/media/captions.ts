import sharp from 'sharp';
import { createPicture, type Picture } from '../../geometry/picture.js';

const BACKGROUND = '#16181d';
const INK = '#e8eaf0';
const FONT = 'system-ui, DejaVu Sans, Liberation Sans, Helvetica, Arial, sans-serif';

const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/**
 * A strip of `width × height` with a caption over each half. Undefined where the machine has no
 * fonts (a bare container): every letter would be the same empty box.
 */
export async function captionStrip(
  left: string,
  right: string,
  width: number,
  height: number,
): Promise<Picture | undefined> {
  if (!(await hasFonts())) return undefined;
  const size = Math.round(height * 0.5);
  const text = (x: number, caption: string) =>
    `<text x="${x}" y="${Math.round(height * 0.66)}" font-size="${size}" fill="${INK}" font-family="${FONT}">${escapeXml(caption)}</text>`;
  return drawSvg(
    `<rect width="100%" height="100%" fill="${BACKGROUND}"/>${text(size / 2, left)}${text(width / 2 + size / 2, right)}`,
    width,
    height,
  );
}

/** Whether text renders: a narrow and a wide letter leave different amounts of ink. */
export async function hasFonts(): Promise<boolean> {
  const ink = async (letter: string) => {
    const svg = `<text y="24" font-size="24" font-family="${FONT}">${letter}</text>`;
    const { data } = await drawSvg(svg, 32, 32);
    return data.reduce((sum, value, at) => (at % 4 === 3 ? sum + value : sum), 0);
  };
  return (await ink('i')) !== (await ink('W'));
}

async function drawSvg(content: string, width: number, height: number): Promise<Picture> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`;
  const picture = createPicture(width, height);
  picture.data.set(
    await sharp(Buffer.from(svg)).toColourspace('srgb').ensureAlpha().raw().toBuffer(),
  );
  return picture;
}
