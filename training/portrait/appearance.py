"""The appearance of mouth and eyes beside the warped references, as a call codes it.

`values_of` is `src/models/families/appearance-fit.ts`, `render` is `appearance-field.ts`; the basis is
a pack's `appearance.bin` (spec/bitstream.md, "Appearance basis"; `appearance_basis.py` learns it).
"""
import json
import struct
from pathlib import Path

import numpy as np

SIZES = ((32, 24), (24, 16))  # cells of a mouth and of an eye, across and down
STEP = 0.35
FADE = 1 / 8
REPOSITORY = Path(__file__).resolve().parents[2]


class Basis:
    def __init__(self, path=REPOSITORY / 'packs/portrait-256-cpu/appearance.bin'):
        data = Path(path).read_bytes()
        assert data[:4] == b'VVA1', f'{path} is no appearance basis'
        self.counts = data[4], data[5]
        at = 6
        self.rows = []
        for count, (width, height) in zip(self.counts, SIZES):
            numbers = 3 * width * height
            rows = np.empty((count, numbers), 'f4')
            for row in rows:
                scale, = struct.unpack_from('>f', data, at)
                row[:] = np.frombuffer(data, '>i2', numbers, at + 4) * scale
                at += 4 + 2 * numbers
            self.rows.append(rows)

    def patches(self, entry):
        """Box, cells, rows and mirroring of mouth, right and left eye."""
        mouth, right, left = (at_least(box) for box in (entry['mouth'], *entry['eyes']))
        return ((mouth, SIZES[0], self.rows[0], False), (right, SIZES[1], self.rows[1], False),
                (left, SIZES[1], self.rows[1], True))


def pack_basis(pack):
    """The appearance basis of a pack, where it has one."""
    name = json.loads((pack / 'manifest.json').read_text())['motion'].get('appearance')
    return Basis(pack / name) if name else None


def at_least(box, side=4):
    """A box no narrower than `side`, within the picture."""
    left, top = (min(value, 256 - side) for value in box[:2])
    return left, top, max(box[2], left + side), max(box[3], top + side)


def halved(pictures):
    """... x 256 x 256 -> ... x 128 x 128, means of 2 x 2."""
    rows = pictures[..., ::2, :] + pictures[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def bilinear(picture, x, y):
    """C x H x W at places in pixels (centres at halves) -> C x places."""
    height, width = picture.shape[-2:]
    x, y = np.clip(x - 0.5, 0, width - 1.001), np.clip(y - 0.5, 0, height - 1.001)
    x0, y0 = x.astype(int), y.astype(int)
    u, v = x - x0, y - y0
    top = picture[:, y0, x0] * (1 - u) + picture[:, y0, x0 + 1] * u
    below = picture[:, y0 + 1, x0] * (1 - u) + picture[:, y0 + 1, x0 + 1] * u
    return top * (1 - v) + below * v


def values_of(basis, entry, target, pictures, positions, share):
    """Coefficients, rounded to steps, of each patch. `target` 3 x 256 x 256 and `pictures` K x 3 x 256 x 256
    in 0-1, `positions` K x 2 x 256 x 256, `share` K x 128 x 128."""
    target, pictures = halved(target), halved(pictures)
    result = []
    for (left, top, right, bottom), (width, height), rows, mirrored in basis.patches(entry):
        across = (np.arange(width) + 0.5) / width
        if mirrored:
            across = across[::-1]
        x, y = np.meshgrid(left + across * (right - left), top + (np.arange(height) + 0.5) / height * (bottom - top))
        xi, yi = x.astype(int).clip(0, 255), y.astype(int).clip(0, 255)
        shown = 0
        for picture, position, own in zip(pictures, positions, share):
            u, v = position[:, yi, xi]
            shown = shown + own[yi // 2, xi // 2] * bilinear(picture, (u + x - xi - 0.5) / 2, (v + y - yi - 0.5) / 2)
        difference = bilinear(target, x / 2, y / 2) - shown
        result.append(np.round(rows @ difference.transpose(1, 2, 0).ravel() / STEP) * STEP)
    return result


def render(basis, entry, values):
    """The differences as a picture, 3 x 256 x 256."""
    planes = np.zeros((3, 256, 256), 'f4')
    for ((left, top, right, bottom), (width, height), rows, mirrored), amounts in zip(basis.patches(entry), values):
        cells = (amounts @ rows).reshape(height, width, 3).transpose(2, 0, 1)
        down, across = ((np.arange(n) + 0.5) / n for n in (bottom - top, right - left))
        x, y = np.meshgrid((1 - across if mirrored else across) * width, down * height)
        fade = [np.minimum(1, np.minimum(s, 1 - s) / FADE) for s in (down, across)]
        planes[:, top:bottom, left:right] += bilinear(cells, x, y) * np.outer(*fade)
    return planes
