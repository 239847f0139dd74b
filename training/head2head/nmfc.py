"""Images of normalised mean face coordinates (Head2HeadFS, Doukas et al. 2021, section 3.2, equation 3).

The same as src/geometry/nmfc.ts (test/nmfc.test.ts): each pixel shows the centre, in the canonical face
with every axis running from 0 to 1, of the triangle that is visible there. Orthographic, no light.
"""
import numpy as np

from common.face_mesh import closed_triangles
from common.geometry import CROP_UNITS
from tracker.points import MESH, canonical_face, regions, triangles

TRIANGLES = triangles()
RIGHT_EYE, LEFT_EYE, _ = closed_triangles()
REGIONS = regions()
NO_TRIANGLE = 0xffff
CHANNELS = 3  # the eye plane is one more
EYE, IRIS = 0.5, 1.0


def mean_face_coordinates():
    """898 x 3, 0-1: the colour of each triangle."""
    face = canonical_face()[:MESH].astype('f8')
    low, high = face.min(0), face.max(0)
    return ((face[TRIANGLES].sum(1) - 3 * low) / (3 * (high - low))).astype('f4')


# One more row, black, for NO_TRIANGLE.
COLOURS = np.concatenate([mean_face_coordinates(), np.zeros((1, CHANNELS), 'f4')])


def visible_triangles(geometry, size):
    """The triangle each pixel shows, `size x size` uint16, or NO_TRIANGLE; `geometry` 478 x 3, crop units."""
    points = (geometry.astype('f4') * np.float32(size / CROP_UNITS)).astype('f8')
    # Corners from top to bottom, as src/geometry/rasteriser.ts has them.
    order = np.argsort(points[TRIANGLES, 1], axis=1, kind='stable')
    a, b, c = np.moveaxis(points[np.take_along_axis(TRIANGLES, order, 1)], 1, 0)
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    top = np.maximum(0, np.ceil(a[:, 1] - 0.5)).astype('i8')
    rows = np.minimum(size, np.ceil(c[:, 1] - 0.5)).astype('i8') - top
    rows = np.where(area == 0, 0, np.maximum(rows, 0))
    # A line for each row of each triangle.
    tri, row = _expanded(rows)
    row += top[tri]
    y = row + 0.5
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = a[tri].T, b[tri].T, c[tri].T
    with np.errstate(divide='ignore', invalid='ignore'):
        long = ax + (cx - ax) * (y - ay) / (cy - ay)
        short = np.where(y < by, ax + (bx - ax) * (y - ay) / (by - ay), bx + (cx - bx) * (y - by) / (cy - by))
    left = np.maximum(0, np.ceil(np.minimum(long, short) - 0.5)).astype('i8')
    right = np.minimum(size, np.ceil(np.maximum(long, short) - 0.5)).astype('i8')
    # A fragment for each pixel of each line.
    line, column = _expanded(np.maximum(right - left, 0))
    column += left[line]
    dzx = ((bz - az) * (cy - ay) - (cz - az) * (by - ay)) / area[tri]
    dzy = ((cz - az) * (bx - ax) - (bz - az) * (cx - ax)) / area[tri]
    z = (az - dzx * ax - dzy * ay + dzy * y)[line] + dzx[line] * (column + 0.5)
    # The nearest is written last; of equal ones the first triangle.
    last = np.lexsort((-tri[line], -z))
    ids = np.full(size * size, NO_TRIANGLE, 'u2')
    ids[(row[line] * size + column)[last]] = tri[line][last]
    return ids.reshape(size, size)


def _expanded(counts):
    """For counts n_i: each i repeated n_i times, and 0 ... n_i - 1 beside it."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def coordinates_of(ids):
    """The planes of triangles ... x H x W: ... x 3 x H x W float32, 0-1."""
    shown = COLOURS[np.minimum(ids, len(COLOURS) - 1)]
    return np.ascontiguousarray(np.moveaxis(shown, -1, -3))


def eye_plane(geometry, ids):
    """0.5 between the lids, 1 where the iris is there, else 0: `size x size` float32."""
    size = len(ids)
    points = geometry[:, :2].astype('f4') * np.float32(size / CROP_UNITS)
    y, x = np.mgrid[:size, :size] + 0.5
    out = np.zeros((size, size), 'f4')
    for inside, name in ((RIGHT_EYE, 'RIGHT_IRIS'), (LEFT_EYE, 'LEFT_IRIS')):
        centre, *edge = points[REGIONS[name]].astype('f8')
        radius = np.hypot(*(np.array(edge) - centre).T).mean()
        eye = (ids >= inside.start) & (ids < inside.stop)
        iris = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius * radius
        out[eye] = EYE
        out[eye & iris] = IRIS
    return out
