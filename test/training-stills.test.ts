import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CROP_UNITS, type Landmarks } from '../src/geometry/landmarks.js';
import type { Picture } from '../src/geometry/picture.js';
import { boxes } from '../training/portrait/samples.js';
import { readStills, tilesOf } from '../training/portrait/stills-read.js';
import { cartoonGeometry, drawCartoon } from './support/cartoon-face.js';
import { temporaryFolder } from './support/cli.js';
import { zipFile } from './support/zip-file.js';
import { itNeeds, pythonPath } from './tools.js';

const TRAINING = fileURLToPath(new URL('../training', import.meta.url));

describe('the pictures of a mosaic', () => {
  it('one where the name does not end in rows and columns', () => {
    const whole = [{ x: 0, y: 0, width: 301, height: 200 }];
    for (const name of ['a.png', '2x2/a.png', '3x4.jpg', 'a_2x2_b.jpg', 'a_2x2.b.jpg'])
      expect(tilesOf(name, 301, 200), name).toEqual(whole);
  });

  it('row by row, starting at whole pixels, all of one size', () => {
    expect(tilesOf('folder/faces_2x3.jpg', 100, 51)).toEqual([
      { x: 0, y: 0, width: 33, height: 25 },
      { x: 33, y: 0, width: 33, height: 25 },
      { x: 66, y: 0, width: 33, height: 25 },
      { x: 0, y: 25, width: 33, height: 25 },
      { x: 33, y: 25, width: 33, height: 25 },
      { x: 66, y: 25, width: 33, height: 25 },
    ]);
  });

  itNeeds('torch')('just those that tracker/still.py cuts', () => {
    const mosaics = [
      ['a.png', 301, 200],
      ['a_2x2.b.jpg', 301, 200],
      ['b.c_2x2.jpg', 301, 200],
      ['sfhq_synthetic/SFHQ_sample_4x8.jpg', 3664, 1951],
      ['SFHQ_sample_3x6.jpg', 3664, 1951],
      ['faces_7x11.png', 1000, 999],
    ] as const;
    const program = `
import json, sys
from pathlib import Path
import numpy as np
from tracker.still import tiles
cuts = []
for name, width, height in json.load(sys.stdin):
    y, x = np.mgrid[:height, :width]
    parts = tiles(np.dstack([x, y]), Path(name))
    cuts.append([dict(x=int(p[0, 0, 0]), y=int(p[0, 0, 1]), width=p.shape[1], height=p.shape[0])
                 for p in parts])
json.dump(cuts, sys.stdout)`;
    const cuts = execFileSync(pythonPath, ['-c', program], {
      cwd: TRAINING,
      input: JSON.stringify(mosaics),
      encoding: 'utf8',
    });
    expect(mosaics.map(([name, width, height]) => tilesOf(name, width, height))).toEqual(
      JSON.parse(cuts),
    );
  });
});

describe('a data folder with a mosaic', () => {
  const TILE = { width: 320, height: 336 };
  /** Of the drawing in its tile: about where SFHQ's mosaics have theirs. */
  const DRAWING = { left: 8, top: 20, size: 304 };
  /** What the mosaic shows row by row; nobody in its third tile. */
  const faces = [
    cartoonGeometry([0, 0.2, 0]),
    cartoonGeometry([0.1, -0.2, 0], 8),
    undefined,
    cartoonGeometry([-0.1, 0, 0.1]),
  ];
  const single = cartoonGeometry([0, 0, 0], 4);
  let folder: string;
  const inFolder = (name: string) => join(folder, name);

  /** Landmarks in pixels of the tile that a face is drawn in. */
  const inTile = (face: Landmarks) =>
    face.map(
      (value, i) => (value * DRAWING.size) / CROP_UNITS + [DRAWING.left, DRAWING.top, 0][i % 3],
    );

  beforeAll(async () => {
    folder = await temporaryFolder();
    for (const name of ['data/stills/drawn_set', 'data/tracks', 'more/stills/drawn_set'])
      await mkdir(inFolder(name), { recursive: true });
    const drawings = await Promise.all(
      faces.map(async (face, tile) => ({
        input: face ? await encoded(face, DRAWING.size) : await plain(DRAWING.size),
        left: (tile % 2) * TILE.width + DRAWING.left,
        top: (tile >> 1) * TILE.height + DRAWING.top,
      })),
    );
    await sharp({
      create: {
        width: 2 * TILE.width,
        height: 2 * TILE.height,
        channels: 3,
        background: '#ff00ff',
      },
    })
      .composite(drawings)
      .toFile(inFolder('data/stills/drawn_set/faces_2x2.png'));
    await writeTrack(
      'more/stills/drawn_set/faces_2x2.png',
      faces.map((face) => face && inTile(face)),
    );
    await writeFile(inFolder('data/stills/astronaut.png'), await encoded(single, 256));
    await writeTrack('more/stills/astronaut.png', [single]);
    await writeFile(inFolder('data/stills/untracked.png'), await plain(256));
    // Of a clip that lends expressions only its track is looked at.
    const talk = Array.from({ length: 30 }, (_, i) => cartoonGeometry([0, 0, 0], i % 8));
    await writeTrack('data/tracks/clip.mp4', talk);
    const clip = { file: 'clip.mp4', identity: 'ann', width: 256, height: 256, fps: 25 };
    const splits = { train: [clip], hard: [], validation: [], negative: [] };
    await writeFile(inFolder('data/splits.json'), JSON.stringify(splits));
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Writes what tracker/tracks.py would: the frames with a face. */
  async function writeTrack(name: string, all: readonly (Landmarks | undefined)[]): Promise<void> {
    const tracked = all.flatMap((face, frame) => (face ? [{ face, frame }] : []));
    const frame = Int32Array.from(tracked, (row) => row.frame);
    const sixteenths = tracked.flatMap(({ face }) => Array.from(face, (v) => Math.round(16 * v)));
    const track = {
      'frame.npy': npy('<i4', [frame.length], frame),
      'landmarks.npy': npy('<i2', [frame.length, 478, 3], Int16Array.from(sixteenths)),
    };
    await writeFile(inFolder(`${name}.npz`), zipFile(track));
  }

  async function prepare(cache: string, ...more: readonly string[]) {
    const script = fileURLToPath(new URL('../training/portrait/prepare.ts', import.meta.url));
    const options = ['--sources', 'still', '--scale', '0.1', ...more];
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', script, inFolder(cache), ...options],
      {
        env: { ...process.env, VISAVIS_DATA: folder },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    return { status, stderr };
  }

  it('each tile is a person, cut out without frame and caption, its landmarks where its face is', async () => {
    const tracks = new Map([
      [
        'stills/drawn_set/faces_2x2.png',
        new Map(faces.flatMap((f, i) => (f ? [[i, inTile(f)]] : []))),
      ],
      ['stills/astronaut.png', new Map([[0, single]])],
    ]);
    const stills = await readStills(inFolder('data'), (file) => tracks.get(file));
    expect(stills.map(({ person }) => person)).toEqual([
      'astronaut',
      'drawn-2x2-0',
      'drawn-2x2-1',
      'drawn-2x2-3',
    ]);
    for (const { person, picture, landmarks } of stills) {
      expect([picture.width, picture.height]).toEqual([256, 256]);
      expect(magenta(picture), person).toBe(0);
      const drawn = await drawCartoon(landmarks, 256);
      expect(faceDifference(picture, drawn, landmarks), person).toBeLessThan(6);
      const aside = landmarks.map((value, i) => (i % 3 === 0 ? value + 4 : value));
      const wrong = await drawCartoon(aside, 256);
      expect(faceDifference(picture, wrong, landmarks), person).toBeGreaterThan(12);
    }
  });

  it('gives samples of those whose tracks lie in --tracks', async () => {
    expect(await prepare('without')).toMatchObject({ status: 0, stderr: '' });
    expect(await prepare('with', '--tracks', inFolder('more'))).toMatchObject({
      status: 0,
      stderr: '',
    });
    const people = async (cache: string) =>
      JSON.parse(await readFile(inFolder(`${cache}/index.json`), 'utf8')).samples.map(
        ({ person }: { person: string }) => person,
      );
    expect(await people('without')).toEqual([]);
    expect(await people('with')).toEqual([
      'astronaut',
      'drawn-2x2-0',
      'drawn-2x2-1',
      'drawn-2x2-3',
    ]);
  });

  it('a folder of tracks that is not there is refused in one line', async () => {
    const { status, stderr } = await prepare('none', '--tracks', inFolder('nowhere'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^--tracks .*nowhere: no such folder; training\/README\.md .*\n$/);
  });
});

/** An array in NumPy's `.npy` format, version 1. */
function npy(type: string, shape: readonly number[], data: Int16Array | Int32Array): Uint8Array {
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }\n`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header), Buffer.from(data.buffer)]);
}

const plain = (size: number): Promise<Buffer> =>
  sharp({ create: { width: size, height: size, channels: 3, background: '#406080' } })
    .png()
    .toBuffer();

async function encoded(face: Landmarks, size: number): Promise<Buffer> {
  const { data, width, height } = await drawCartoon(face, size);
  return sharp(data, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
}

/** How many pixels have the colour around the drawings. */
function magenta({ data }: Picture): number {
  let count = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i] > 200 && data[i + 1] < 60 && data[i + 2] > 200) count++;
  return count;
}

/** Mean difference (of 255) in mouth and eyes. */
function faceDifference(a: Picture, b: Picture, landmarks: Landmarks): number {
  const { mouth, eyes } = boxes(landmarks);
  const differences: number[] = [];
  for (const [left, top, right, bottom] of [mouth, ...eyes])
    for (let y = top; y < bottom; y++)
      for (let i = 4 * (256 * y + left); i < 4 * (256 * y + right); i++)
        differences.push(Math.abs(a.data[i] - b.data[i]));
  return differences.reduce((sum, value) => sum + value, 0) / differences.length;
}
