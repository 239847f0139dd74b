import { readdirSync } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import sharp from 'sharp';
import type { Picture } from '../../src/geometry/picture.js';
import { resampleSquare } from '../../src/geometry/resample.js';
import type { DecoderReference } from '../../src/models/decoder.js';
import { NETWORK_SIZE } from '../../src/models/families/portrait-inputs.js';
import { HeadCrop, toCropUnits } from '../../src/sender/crop.js';
import type { TrackOf } from './tracks.js';

export interface Still extends DecoderReference {
  readonly person: string;
}

/** A part of a picture, in whole pixels. */
interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * What frame and caption take of a tile in the mosaics of SFHQ, in shares of its sides: they
 * measure 0.022, 0.064 and 0.035 at most.
 */
const FRAME = { side: 0.025, top: 0.067, bottom: 0.037 };

/** `4x8` of a mosaic's name, which ends in `_4x8`: rows and columns. */
const shapeOf = (file: string) => /_((\d+)x(\d+))$/.exec(parse(file).name);

/** The pictures in a still: one, or those of a mosaic, row by row, as `tracker/still.py` cuts them. */
export function tilesOf(file: string, width: number, height: number): Area[] {
  const [rows, columns] = shapeOf(file)?.slice(2).map(Number) ?? [1, 1];
  const [across, down] = [width / columns, height / rows];
  return Array.from({ length: rows * columns }, (_, tile) => ({
    x: Math.floor((tile % columns) * across),
    y: Math.floor(Math.floor(tile / columns) * down),
    width: Math.floor(across),
    height: Math.floor(down),
  }));
}

/** A tile without its frame. */
function unframed({ x, y, width, height }: Area): Area {
  const [side, top, bottom] = [FRAME.side * width, FRAME.top * height, FRAME.bottom * height];
  return {
    x: x + Math.ceil(side),
    y: y + Math.ceil(top),
    width: Math.floor(width - 2 * side) - 1,
    height: Math.floor(height - top - bottom) - 1,
  };
}

/**
 * Who a still, or a tile of it, shows. `london_neutral/002_03.jpg` and `london_smiling/002_08.jpg`
 * are one person, every tile of a mosaic is one of its own.
 */
function personOf(file: string, tile: number): string {
  const { base, name } = parse(file);
  const folder = dirname(file);
  const [group] = folder.split('_');
  const shape = shapeOf(file);
  if (shape) return `${group}-${shape[1]}-${tile}`;
  if (group === 'london') return `london-${base.slice(0, 3)}`;
  if (folder === '.') return name;
  return folder === 'lisa' ? 'lisa' : `${folder}-${base}`;
}

async function readPicture(path: string): Promise<Picture> {
  const image = sharp(path).ensureAlpha().raw();
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
}

/**
 * Every tracked face of the stills under `stills/` of a data folder, in order of path and tile:
 * crops of the network's size, landmarks in crop units.
 */
export async function readStills(data: string, trackOf: TrackOf): Promise<Still[]> {
  const stills: Still[] = [];
  for (const file of readdirSync(join(data, 'stills'), {
    encoding: 'utf8',
    recursive: true,
  }).sort()) {
    const track = trackOf(join('stills', file));
    if (!track) continue;
    const picture = await readPicture(join(data, 'stills', file));
    const tiles = tilesOf(file, picture.width, picture.height);
    for (const [tile, inTile] of track) {
      const area = tiles.length > 1 ? unframed(tiles[tile]) : tiles[tile];
      const offset = [area.x - tiles[tile].x, area.y - tiles[tile].y, 0];
      const landmarks = inTile.map((value, i) => value - offset[i % 3]);
      const square = new HeadCrop([landmarks], area.width, area.height).square;
      const { side } = square;
      stills.push({
        person: personOf(file, tile),
        picture: resampleSquare(
          picture,
          { x: area.x + square.x, y: area.y + square.y, side },
          NETWORK_SIZE,
        ),
        landmarks: toCropUnits(landmarks, square),
      });
    }
  }
  return stills;
}
