"""Reading stills."""
import re

import cv2


def tiles(picture, path):
    """The pictures in a still, each with where its top left corner lies (x, y)."""
    shape = re.search(r'_(\d+)x(\d+)$', path.stem)
    rows, columns = map(int, shape.groups()) if shape else (1, 1)
    height, width = picture.shape[0] / rows, picture.shape[1] / columns
    corners = [(int(c * width), int(r * height)) for r in range(rows) for c in range(columns)]
    return [((x, y), picture[y:y + int(height), x:x + int(width)]) for x, y in corners]


def read_still(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
