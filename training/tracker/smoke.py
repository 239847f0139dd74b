#!/usr/bin/env python3
"""The whole way once, small: made-up stills, crops, four steps in two runs, a pack.

    /usr/bin/python3 -m tracker.smoke GRAPHS FOLDER      (run in training/)

Proves that the parts fit together, not that anything is learned. FOLDER/pack is the pack.
GRAPHS is a folder with `blazeface.onnx` and `iris.onnx`: packs/tracker.
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np

from . import cache, export
from .points import canonical_face
from .train import Config, train

STILLS, SIDE = 3, 160


def make_stills(folder):
    rng = np.random.default_rng(0)
    face = (canonical_face() - [128, 128, 0]) * SIDE / 256
    (folder / 'splits.json').write_text(json.dumps({k: [] for k in ('train', 'validation', 'hard', 'negative')}))
    (folder / 'stills').mkdir()
    (folder / 'tracks' / 'stills').mkdir(parents=True)
    for number in range(STILLS):
        points = face * rng.uniform(0.7, 1) + [SIDE / 2, SIDE / 2, 0]
        picture = cv2.resize(rng.integers(0, 255, (9, 9, 3), np.uint8), (SIDE, SIDE))
        for x, y, _ in points:
            cv2.circle(picture, (int(x), int(y)), 1, (255, 255, 255), -1)
        cv2.imwrite(str(folder / 'stills' / f'{number}.png'), picture)
        np.savez(folder / 'tracks' / 'stills' / f'{number}.png.npz', frame=np.zeros(1, np.int32),
                 landmarks=np.round(points[None] * 16).astype(np.int16))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    graphs, folder = map(Path, sys.argv[1:])
    data, crops, run = folder / 'data', folder / 'crops', folder / 'run'
    data.mkdir(parents=True)
    make_stills(data)
    cache.make(data, [data / 'tracks'], crops)
    config = Config(steps=4, batch=2, report_every=1, check_every=2, held_out=['stills/1'])
    train(config, crops, run, stop=2)
    train(config, crops, run)
    export.make(run, graphs, folder / 'pack')


if __name__ == '__main__':
    main()
