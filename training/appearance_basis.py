#!/usr/bin/env python3
"""Learns what mouths and eyes look like beside the warped references: the appearance basis of a pack.

    /usr/bin/python3 -m appearance_basis OUT.bin --cache FOLDER... [--held-out 'NAMES']    (in training/)

The texture parameters of Active Appearance Models (Cootes, Edwards, Taylor 2001), on what the warp
leaves: principal components of the difference between picture and warped references, over the boxes
of mouth and eyes (the left eye mirrored). Format: spec/bitstream.md, "Appearance basis".
"""
import argparse
import struct
from pathlib import Path

import cv2
import numpy as np

from common.run import progress
from portrait.data import Cache
from portrait.model import full_share, sample

MOUTH_SIZE, EYE_SIZE = (32, 24), (24, 16)
MOUTH_VALUES, EYE_VALUES = 10, 6
MOST = 5000


def patch(picture, box, size, mirrored=False):
    left, top, right, bottom = box
    cut = np.ascontiguousarray(picture[:, top:bottom, left:right].transpose(1, 2, 0))
    made = cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
    return (made[:, ::-1] if mirrored else made).ravel()


def components(rows, count):
    """The first `count` principal components (not centred: no difference is the best guess)."""
    rows = np.stack(rows).astype('f8')
    values, vectors = np.linalg.eigh(rows.T @ rows)
    order = np.argsort(values)[::-1][:count]
    print(f'{len(rows)} patches: {count} components hold {values[order].sum() / values.sum():.3f} of their energy')
    return vectors[:, order].T


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path)
    parser.add_argument('--cache', required=True, nargs='+')
    parser.add_argument('--held-out', default='')
    arguments = parser.parse_args()
    cache = Cache(arguments.cache, arguments.held_out.split())
    rng = np.random.default_rng(1)
    chosen = rng.choice(cache.train, min(MOST, len(cache.train)), replace=False, p=cache.shares(cache.train))
    mouths, eyes = [], []
    for index in progress(chosen, len(chosen), 'samples'):
        batch = cache.batch([index], rng, augment=False)
        share = full_share(batch['trust'])[:, :, None]
        warped = (sample(batch['pictures'], batch['positions']) * share).sum(1) / share.sum(1).clamp(min=1e-6)
        difference = (batch['target'] - warped)[0].numpy()
        entry = cache.entries[index]
        mouths += [patch(difference, entry['mouth'], MOUTH_SIZE, mirrored) for mirrored in (False, True)]
        eyes += [patch(difference, entry['eyes'][side], EYE_SIZE, side == 1) for side in (0, 1)]
    bases = [components(mouths, MOUTH_VALUES), components(eyes, EYE_VALUES)]
    with arguments.out.open('wb') as file:
        file.write(b'VVA1' + bytes([MOUTH_VALUES, EYE_VALUES]))
        for basis in bases:
            for row in basis:
                scale = np.abs(row).max() / 32767
                file.write(struct.pack('>f', scale) + np.round(row / scale).astype('>i2').tobytes())


if __name__ == '__main__':
    main()
