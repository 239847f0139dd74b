"""Positional encoding of keypoints and pixels (equation 3)."""
import math

import torch

FIRST_OCTAVE = -1


def encode(coordinates, octaves):
    """... x D coordinates in [-2, 2] as ... x 2 D octaves numbers: the sines of each coordinate's octaves, then
    the cosines.

    Angles are reduced to one turn before they are multiplied by pi, exactly: the sine of 2^14 pi is of no use in
    float32, and on some GPUs not the same twice.
    """
    factors = 2.0 ** torch.arange(FIRST_OCTAVE, FIRST_OCTAVE + octaves, device=coordinates.device)
    turns = coordinates[..., None] * factors
    angles = ((turns - 2 * torch.floor(turns / 2)) * math.pi).flatten(-2)
    return torch.cat([torch.sin(angles), torch.cos(angles)], -1)


def pixel_grid(size, device=None):
    """size x size x 2: x and y of the pixels' centres in (-1, 1)."""
    along = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(along, along, indexing='ij')
    return torch.stack([x, y], -1)
