#!/usr/bin/env python3
"""Learns the expression basis of the motion codec from landmark tracks.

    VISAVIS_DATA=../shared /usr/bin/python3 training/motion_basis.py packs/warp/basis.bin

Every track of `train` and `hard` (mirrored too) and the neutral/smiling pairs of stills are brought
into the frame of their person's neutral by a similarity fit; the principal components of what
remains, with lips and lids weighted up and depth down, are the basis. The rows of the irises are
regressed on the components, since gaze has values of its own. Output format: spec/bitstream.md,
"Motion basis". Deterministic; needs numpy alone.
"""
import glob
import json
import os
import re
import struct
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(ROOT, os.environ.get('VISAVIS_DATA', '../shared'), 'data')
COMPONENTS = 48
POINTS, MESH = 478, 468
LIP_WEIGHT, LID_WEIGHT, DEPTH_WEIGHT = 1.6, 1.4, 0.25
SOFT_WEIGHT = 0.15  # as in src/geometry/pose.ts
FACE_SIDE = 128  # the face fills half the crop, as src/sender/crop.ts frames it
MOST_FRAMES, FULL_WEIGHT_FRAMES = 800, 300  # a person: no long clip may own the basis
STILL_WEIGHT = 3.0
IRIS_RIDGE = 50.0


def regions():
    """Index lists of src/geometry/regions.ts: the one place they are written down."""
    text = open(os.path.join(ROOT, 'src/geometry/regions.ts')).read()
    lists = re.findall(r'export const (\w+): readonly number\[\] = \[([\d,\s]*)\]', text)
    return {name: [int(n) for n in body.split(',') if n.strip()] for name, body in lists}


R = regions()
FIT = np.full(POINTS, SOFT_WEIGHT)
FIT[R['RIGID_POINTS']] = 1
FIT /= FIT.sum()
WEIGHTS = np.ones((POINTS, 3))
WEIGHTS[:, 2] = DEPTH_WEIGHT
WEIGHTS[R['LIPS_OUTER'] + R['LIPS_INNER']] *= LIP_WEIGHT
WEIGHTS[R['LEFT_LIDS'] + R['RIGHT_LIDS']] *= LID_WEIGHT
WEIGHTS[MESH:] = 0


def align(neutral, points):
    """Points in the neutral's frame: weighted Umeyama."""
    mn, mp = FIT @ neutral, FIT @ points
    u, s, vt = np.linalg.svd((points - mp).T @ ((neutral - mn) * FIT[:, None]))
    d = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ d @ vt
    scale = np.trace(np.diag(s) @ d) / (FIT @ ((neutral - mn) ** 2).sum(1))
    return (points - mp) @ rotation / scale + mn


def neutral_of(frames):
    mean = frames[0] - frames[0].mean(0)
    for _ in range(4):
        mean = np.mean([align(mean, f) for f in frames], 0)
        mean -= mean.mean(0)
    return mean


def track(path):
    return np.load(path)['landmarks'].astype(np.float64) / 16


def normalise(landmarks, enrolment):
    """Scales to crop units: the face of the enrolment frames is FACE_SIDE large."""
    e = landmarks[:enrolment, :, :2]
    return landmarks * (FACE_SIDE / np.median((e.max(1) - e.min(1)).max(1)))


def residuals(landmarks, enrolment):
    neutral = neutral_of(landmarks[:enrolment])
    return np.array([align(neutral, f) - neutral for f in landmarks]).reshape(len(landmarks), -1)


def mirror_map(mean):
    """For each point, the point that lies where its mirror image does (on a mean face)."""
    flipped = mean * [-1, 1, 1]
    distance = ((mean[:, None] - flipped[None]) ** 2).sum(2)
    mapping = distance.argmin(1)
    # Pairs must be mutual; the mean is a little lopsided, so settle the rest greedily.
    taken = np.full(POINTS, -1)
    for index in np.argsort(distance.min(1)):
        if taken[index] < 0:
            free = [j for j in np.argsort(distance[index]) if taken[j] < 0]
            taken[index], taken[free[0]] = free[0], index
    return taken if (mapping[mapping] != np.arange(POINTS)).any() else mapping


def main():
    splits = json.load(open(os.path.join(DATA, 'splits.json')))
    people, means = {}, []
    for clip in splits['train'] + splits['hard']:
        path = os.path.join(DATA, 'tracks', clip['file'] + '.npz')
        if not os.path.exists(path):
            continue
        frames = track(path)
        if len(frames) < 20:
            continue
        frames = normalise(frames, 25)
        means.append(neutral_of(frames[:25]))
        people.setdefault(clip['identity'], []).append(residuals(frames, 25))
    mean = neutral_of(means)
    mirrored = mirror_map(mean)

    def mirror(rows):
        points = rows.reshape(-1, POINTS, 3)[:, mirrored] * [-1, 1, 1]
        return points.reshape(len(rows), -1)

    parts = []
    for name in sorted(people):
        rows = np.concatenate(people[name])
        if len(rows) > MOST_FRAMES:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_FRAMES).astype(int)]
        rows = rows * min(1, (FULL_WEIGHT_FRAMES / len(rows)) ** 0.5)
        parts += [rows, mirror(rows)]
    pairs = 0
    for path in sorted(glob.glob(os.path.join(DATA, 'tracks/stills/london_neutral/*.npz'))):
        smiling = path.replace('london_neutral', 'london_smiling').replace('_03', '_08')
        if not os.path.exists(smiling):
            continue
        both = [track(path), track(smiling)]
        if min(map(len, both)) == 0:
            continue
        rows = residuals(normalise(np.concatenate([b[:1] for b in both]), 2), 2) * STILL_WEIGHT
        parts += [rows, mirror(rows)]
        pairs += 1
    data = np.concatenate(parts)
    weights = WEIGHTS.reshape(-1)
    _, singular, vt = np.linalg.svd(data * weights, full_matrices=False)
    basis = vt[:COMPONENTS]
    basis *= np.sign(basis[np.arange(COMPONENTS), np.abs(basis).argmax(1)])[:, None]
    iris = weights == 0
    coefficients = (data * weights) @ basis.T
    regression = np.linalg.solve(
        coefficients.T @ coefficients + IRIS_RIDGE * np.eye(COMPONENTS),
        coefficients.T @ data[:, iris],
    )
    synthesis = np.where(iris, 0, basis / np.where(iris, 1, weights))
    synthesis[:, iris] = regression
    kept = (singular[:COMPONENTS] ** 2).sum() / (singular**2).sum()
    print(f'{len(people)} people, {pairs} pairs of stills, {len(data)} rows, variance kept {kept:.4f}')

    out = bytearray(b'VVB1') + struct.pack('>B', COMPONENTS)
    out += (weights * 1000).round().astype('>u2').tobytes()
    for row in synthesis:
        scale = np.abs(row).max() / 32767
        out += struct.pack('>f', scale) + (row / scale).round().astype('>i2').tobytes()
    with open(sys.argv[1], 'wb') as file:
        file.write(out)
    print(f'{sys.argv[1]}: {len(out)} bytes')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
