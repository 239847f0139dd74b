"""Motion that networks find in clips, for a pack's steps and tables: `python3 -m fsrt.motion WEIGHTS OUT.npz --cache
FOLDER`, from training/. The cache is to hold the clips' frames one after the other (common/prepare.ts --most 1000).
"""
import argparse

import numpy as np
import torch

from common.crops import Crops

from .export import load

SHORTEST = 10
BATCH = 32


@torch.no_grad()
def sequences(model, crops):
    """For each clip of more than a few frames its motion, frames x values."""
    for rows in crops.train.values():
        if len(rows) < SHORTEST:
            continue
        found = []
        for first in range(0, len(rows), BATCH):
            pictures = np.stack([crops.crop(row)[0] for row in rows[first:first + BATCH]])
            keypoints, expression = model.motion(torch.from_numpy(pictures))
            found.append(torch.cat([keypoints.flatten(1), expression], 1).numpy())
        yield np.concatenate(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights')
    parser.add_argument('out')
    parser.add_argument('--cache', required=True, nargs='+')
    arguments = parser.parse_args()
    np.savez(arguments.out, *sequences(load(arguments.weights), Crops(arguments.cache)))


if __name__ == '__main__':
    main()
