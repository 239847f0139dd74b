"""The 478 points: which belong to lids, lips and irises, which mirror which."""
import base64
import re

import numpy as np

from common.geometry import source

POINTS, MESH = 478, 468


def regions():
    """The index lists of src/geometry/regions.ts, by name: the one place they are written down."""
    lists = re.findall(r'export const (\w+)(?:: readonly number\[\])? = \[([\d,\s]*)\]', source('regions'))
    return {name: [int(n) for n in body.split(',') if n.strip()] for name, body in lists}


def table(file, name):
    """The bytes of a base64 table of src/geometry."""
    text = source(file)
    return base64.b64decode(''.join(re.findall(r"'([A-Za-z0-9+/=]+)'", text[text.index(name):])))


def triangles():
    """The 898 × 3 indices of the mesh."""
    return np.frombuffer(table('topology-table', 'TRIANGLES_BASE64'), '<u2').reshape(-1, 3).astype(int)


def canonical_face():
    """(478, 3) points of MediaPipe's canonical face, symmetric about the middle of the crop."""
    return np.frombuffer(table('canonical-face-table', 'CANONICAL_FACE_BASE64'), '<i2').reshape(-1, 3) / 64


def mirror_map():
    """For each point the index of its mirror image: its own inverse."""
    face = canonical_face() - [128, 0, 0]  # crop units are 256 across
    distance = np.linalg.norm(face[:, None] - face[None] * [-1, 1, 1], axis=2)
    mirror = distance.argmin(1)
    assert (mirror[mirror] == np.arange(POINTS)).all() and distance.min(1).max() < 0.1
    return mirror


def grown(start, rings):
    """The points at most `rings` edges of the mesh from those of `start`, sorted."""
    found = set(start)
    for _ in range(rings):
        found |= {int(p) for t in triangles() if found & set(map(int, t)) for p in t}
    return sorted(found)


R = regions()
LIPS = R['LIPS_OUTER'] + R['LIPS_INNER']
LIDS = R['RIGHT_LIDS'] + R['LEFT_LIDS']
IRISES = list(range(MESH, POINTS))
RIGHT_EYE, LEFT_EYE = R['RIGHT_LIDS'][0], R['LEFT_LIDS'][0]  # the outer corners


def upright(points):
    """(n, 478, 3) points with their centre at 0, the eyes level, the inter-ocular distance 1."""
    points = points - points[:, :MESH].mean(1, keepdims=True)
    eyes = points[:, 473, :2] - points[:, 468, :2]
    length = np.linalg.norm(eyes, axis=1)[:, None, None]
    cos, sin = (eyes / length[:, 0]).T[:, :, None]
    x, y, z = np.moveaxis(points, 2, 0)
    return np.stack([cos * x + sin * y, cos * y - sin * x, z], 2) / length


MIRROR = mirror_map()
