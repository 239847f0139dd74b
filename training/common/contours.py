"""Contours of the 68 points among the 478: what LSR (Meshry et al. 2021) and FSTH (Zakharov et al. 2019) see.

The tables are those of src/geometry/contours-68.ts, whose `drawContours68` draws the same pictures
in a call; test/contours-68.test.ts holds both to it.
"""
import re

import numpy as np

from .geometry import CROP_UNITS, source

LINE_WIDTH = 25 / 9 / 224  # of the picture's width


def _numbers(name):
    """The numbers of a constant table, as written; there are no others between its brackets."""
    text = source('contours-68')
    start = text.index('= [', text.index(f'export const {name}')) + 3
    return [int(n) for n in re.findall(r'\d+', text[start:text.index('\n];', start)])]


LANDMARKS_68 = np.array(_numbers('LANDMARKS_68'))
CONTOURS_68 = np.array(_numbers('CONTOURS_68')).reshape(-1, 5)  # first, end, R, G, B


def draw_contours(landmarks, size):
    """(3, size, size) float32, R, G, B, 0-1, on black. `landmarks`: (478, 2 or 3) in crop units."""
    points = np.asarray(landmarks, 'f8')[LANDMARKS_68, :2] * (size / CROP_UNITS) - 0.5
    planes = np.zeros((3, size, size), 'f4')
    reach = (LINE_WIDTH * size + 1) / 2
    for first, end, *colour in CONTOURS_68:
        line = points[first:end]
        left, top = np.maximum(0, np.ceil(line.min(0) - reach)).astype(int)
        right, bottom = np.minimum(size - 1, np.floor(line.max(0) + reach)).astype(int)
        if left > right or top > bottom:
            continue
        x = np.arange(left, right + 1)[None, None, :]
        y = np.arange(top, bottom + 1)[None, :, None]
        ax, ay = line[:-1, :, None, None].transpose(1, 0, 2, 3)
        dx, dy = (line[1:] - line[:-1])[:, :, None, None].transpose(1, 0, 2, 3)
        t = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy + 1e-9), 0, 1)
        distance = np.hypot(x - ax - t * dx, y - ay - t * dy).min(0)
        cover = np.clip(reach - distance, 0, 1)
        part = planes[:, top:bottom + 1, left:right + 1]
        part += cover * (np.array(colour)[:, None, None] / 255 - part)
    return planes
