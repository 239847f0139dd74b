import { expect } from 'vitest';
import { python } from './support/python.js';
import { itNeeds } from './tools.js';

/** A head that turns and speaks smoothly, seen with noise; in one frame a hand is before the mouth. */
const PYTHON = `
import json
import numpy as np
from common.face_mesh import motion_basis
from tracker.points import canonical_face
from head2head.shape_fit import BOX, Camera, fit_camera, fit_clip, second_difference
basis = motion_basis()
rng = np.random.default_rng(1)
frames, n = 60, len(basis.synthesis)
times = np.arange(frames)
neutral = canonical_face().astype('f8')
neutral = neutral - neutral.mean(0)
expression = np.stack([30 * np.sin(times / (6 + k) + k) for k in range(n)], 1) * np.linspace(1, 0.1, n)
shapes = neutral + (expression @ basis.synthesis).reshape(frames, -1, 3)
def camera(t):
    turn = 0.3 * np.sin(t / 15)
    c, s = np.cos(turn), np.sin(turn)
    return Camera(1 + 0.05 * np.sin(t / 9), np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.array([128, 128, 0]))
true = np.array([camera(t).apply(shapes[t]) for t in times])
found = true + rng.normal(0, 0.7, true.shape)
found[30, 0:20] += 25
clear = times != 30
error = lambda made: float(np.sqrt(((made - true)[clear, :468, :2] ** 2).sum(2).mean()))
fit, rough = fit_clip(found, basis), fit_clip(found, basis, smooth=1e-6)
again = fit_camera(neutral, camera(3).apply(neutral))
energy = lambda coefficients: float(((second_difference(frames) @ coefficients) ** 2).sum())
identity = fit_camera(fit.neutral, neutral)
aligned = np.array([fit_camera(fit.neutral, f).remove(f) for f in found])
raw = (aligned - fit.neutral).reshape(frames, -1) @ basis.analysis.T
print(json.dumps({
    'found': error(found), 'fit': error(fit.geometry), 'rough': error(rough.geometry),
    'energy': energy(fit.expression), 'roughEnergy': energy(rough.expression),
    'camera': float(np.abs(again.rotation - camera(3).rotation).max() + abs(again.scale - camera(3).scale)),
    'identity': float(np.abs(identity.apply(fit.neutral) - neutral)[:468].mean()),
    'largest': float((np.abs(fit.expression) / raw.std(0)).max()), 'box': BOX,
    'shapes': [list(part.shape) for part in fit],
    'one': float(np.abs(fit_clip(found[:1], basis).geometry - found[0]).mean()),
}))
`;

itNeeds('torch')('a clip is fitted with one identity and a smooth expression', async () => {
  const said = JSON.parse((await python('-c', PYTHON)).stdout);
  expect(said.shapes).toEqual([
    [478, 3],
    [60, 48],
    [60, 478, 3],
  ]);
  // Nearer to the truth than what was seen, and than a fit of each frame alone.
  expect(said.found).toBeGreaterThan(0.9);
  expect(said.fit).toBeLessThan(0.3);
  expect(said.fit).toBeLessThan(0.9 * said.rough);
  expect(said.energy).toBeLessThan(0.1 * said.roughEnergy);
  expect(said.camera).toBeLessThan(1e-6);
  expect(said.identity).toBeLessThan(1);
  expect(said.largest).toBeLessThan(1.1 * said.box);
  expect(said.one).toBeLessThan(2);
});
