import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Picture } from '../../src/geometry/picture.js';

const TOOL = 'butteraugli_main';
/** Processes at once. */
const PROCESSES = 2;

const run = promisify(execFile);

/** Compares pictures with libjxl's Butteraugli. */
export interface Butteraugli {
  /**
   * The 3-norm of the perceptual differences, 0 for the same picture, above 2 for what anyone sees;
   * libjxl's default of 80 nits. Calls may overlap: two processes run, the others wait.
   */
  compare(source: Picture, decoded: Picture): Promise<number>;
  /** Removes what was written. */
  close(): Promise<void>;
}

/** A binary PPM file of a picture: taken for sRGB, without a compressor's time. */
function ppm({ width, height, data }: Picture): Buffer {
  const header = Buffer.from(`P6\n${width} ${height}\n255\n`, 'latin1');
  const rgb = Buffer.allocUnsafe(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      rgb[3 * pixel + channel] = data[4 * pixel + channel];
    }
  }
  return Buffer.concat([header, rgb]);
}

/** Opens libjxl's `butteraugli_main`; undefined where it is not installed (Debian: libjxl-devtools). */
export async function openButteraugli(): Promise<Butteraugli | undefined> {
  if (spawnSync(TOOL, ['--help'], { stdio: 'ignore' }).error) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'visavis-butteraugli-'));
  const waiting: (() => void)[] = [];
  let running = 0;
  let files = 0;

  return {
    async compare(source, decoded) {
      if (running >= PROCESSES) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      const id = files++;
      const paths = [join(folder, `${id}-source.ppm`), join(folder, `${id}-decoded.ppm`)];
      try {
        await Promise.all([writeFile(paths[0], ppm(source)), writeFile(paths[1], ppm(decoded))]);
        const { stdout } = await run(TOOL, [...paths, '--pnorm', '3']);
        const norm = /^3-norm: (\S+)$/m.exec(stdout);
        if (!norm) throw new Error(`${TOOL} printed no 3-norm: ${stdout}`);
        return Number(norm[1]);
      } finally {
        await Promise.all(paths.map((path) => rm(path, { force: true })));
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
