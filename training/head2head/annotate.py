"""Adds to a cache of `common/prepare.ts` what Head2HeadFS learns from: `python3 -m head2head.annotate CACHE`,
from training/.

`fitted.bin`: the geometry of the shape fit over each clip (478 x 3 float32 a crop, crop units); `masks.bin`:
the person in front (S x S uint8 a crop). Make the cache with `--most 500` or more, for a clip's crops must follow
each other.
"""
import argparse
import sys
from pathlib import Path

import numpy as np

from common.crops import Crops
from common.face_mesh import motion_basis
from common.run import progress

from .foreground import foreground
from .shape_fit import fit_clip


def annotate(cache):
    """Writes both files of a cache; gives its crops."""
    crops, basis = Crops([cache]), motion_basis()
    fitted = np.zeros((len(crops.entries), 478, 3), '<f4')
    for rows in crops.train.values():
        fitted[rows] = fit_clip(np.stack([crops.crop(row)[1] for row in rows]), basis).geometry
    part = cache / 'masks.part'
    with part.open('wb') as file:
        for row in progress(range(len(crops.entries)), len(crops.entries), 'masks'):
            pictures, landmarks, place = crops.places[row]
            file.write(foreground(np.array(pictures[place]), np.array(landmarks[place])).tobytes())
    fitted.tofile(cache / 'fitted.bin')
    part.rename(cache / 'masks.bin')
    return crops


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('cache', type=Path)
    crops = annotate(parser.parse_args().cache)
    print(f'{len(crops.entries)} crops of {len(crops.train)} clips annotated', file=sys.stderr)


if __name__ == '__main__':
    main()
