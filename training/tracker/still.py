"""Reading stills."""
import re

import cv2
import numpy as np


def tiles(picture, path):
    """The pictures in a still: one, or those of a mosaic, row by row."""
    shape = re.search(r'_(\d+)x(\d+)$', path.stem)
    rows, columns = map(int, shape.groups()) if shape else (1, 1)
    height, width = picture.shape[0] / rows, picture.shape[1] / columns
    tops = [int(r * height) for r in range(rows)]
    lefts = [int(c * width) for c in range(columns)]
    return [np.ascontiguousarray(picture[y:y + int(height), x:x + int(width)]) for y in tops for x in lefts]


def read_still(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
