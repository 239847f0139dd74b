import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPicture } from '../src/geometry/picture.js';
import { openFaceTracker } from '../src/sender/trackers/open.js';
import { openTrackerPack } from '../src/sender/trackers/pack-node.js';
import { describeNeeds, pythonPath } from './tools.js';

const PACK = fileURLToPath(new URL('../packs/tracker', import.meta.url));
const TRAINING = fileURLToPath(new URL('../training', import.meta.url));

describeNeeds('torch')('training of the tracker, four steps of it', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'visavis-training-'));
    const module = ['-W', 'ignore', '-m', 'tracker.smoke', PACK, join(folder, 'smoke')];
    // Ends with an error where onnxruntime and PyTorch disagree about the exported graph.
    execFileSync(pythonPath, module, { cwd: TRAINING, stdio: ['ignore', 'ignore', 'pipe'] });
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('logs every step once over two runs, and errors on who was held out', () => {
    const [header, ...rows] = readFileSync(join(folder, 'smoke/run/log.csv'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    expect(rows.map(([step]) => step)).toEqual(['1', '2', '3', '4']);
    expect(Number(rows[3]![header!.indexOf('lips')])).toBeGreaterThan(0);
    expect(rows[2]![header!.indexOf('lips')]).toBe('');
  });

  it('gives a pack that Node opens and that finds nobody in a flat picture', async () => {
    const packPath = join(folder, 'smoke/pack');
    const pack = await openTrackerPack(packPath);
    const image = { data: new Float32Array(192 * 192 * 3).fill(0.5), dims: [1, 192, 192, 3] };
    const { points, presence } = await pack.graph('tracker.onnx').run({ image });
    await pack.close();
    expect(points!.dims).toEqual([1, 478, 3]);
    expect(points!.data.every(Number.isFinite)).toBe(true);
    expect(presence!.dims).toEqual([1]);
    const tracker = await openFaceTracker({ packPath });
    expect(await tracker.track(createPicture(200, 100))).toEqual([]);
    await tracker.close();
  });
});
