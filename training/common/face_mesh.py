"""The face of src/geometry, read from the TypeScript that holds it: its one place.

478 points (468 of the mesh, 10 of the irises); crop units: 256 across the codec's square crop, y down,
z away from the camera.
"""
import base64
import re
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
GEOMETRY = REPOSITORY / 'src' / 'geometry'
POINTS, MESH = 478, 468
CROP_UNITS = 256


def _base64(file):
    text = (GEOMETRY / file).read_text()
    return base64.b64decode(''.join(re.findall(r"^\s+'([A-Za-z0-9+/=]*)'", text, re.M)))


def regions():
    """Index lists of regions.ts by name."""
    text = (GEOMETRY / 'regions.ts').read_text()
    lists = re.findall(r'export const (\w+): readonly number\[\] = \[([\d,\s]*)\]', text)
    return {name: [int(n) for n in body.split(',') if n.strip()] for name, body in lists}


def triangles():
    """898 x 3 points, and the ranges of those that close the right eye, the left eye and the mouth."""
    counts = re.search(r'TRIANGLE_COUNTS = \[([\d, ]*)\]', (GEOMETRY / 'topology-table.ts').read_text())
    ends = np.cumsum([int(n) for n in counts[1].split(',')])
    table = np.frombuffer(_base64('topology-table.ts'), '<u2').reshape(-1, 3).astype('i8')
    return table, tuple(range(a, b) for a, b in zip(ends[:-1], ends[1:]))


def canonical_face():
    """478 x 3 float32, crop units."""
    return (np.frombuffer(_base64('canonical-face-table.ts'), '<i2').reshape(-1, 3) / 64).astype('f4')


class MotionBasis(NamedTuple):
    """The linear basis of expression of a pack: n components over 478 x 3 coordinates."""

    synthesis: np.ndarray  # n x 1434: crop units for a coefficient of 1
    analysis: np.ndarray   # n x 1434: coefficient for a crop unit; 0 at the irises


def motion_basis(path=REPOSITORY / 'packs' / 'warp' / 'basis.bin'):
    """Reads a pack's basis.bin (spec/bitstream.md, "Motion basis")."""
    data = Path(path).read_bytes()
    if data[:4] != b'VVB1':
        raise SystemExit(f'{path} is no motion basis')
    size, at = 3 * POINTS, 5
    weights = np.frombuffer(data, '>u2', size, at).astype('f8') / 1000
    at += 2 * size
    rows = []
    for _ in range(data[4]):
        scale, = struct.unpack_from('>f', data, at)
        rows.append(np.frombuffer(data, '>i2', size, at + 4).astype('f8') * scale)
        at += 4 + 2 * size
    synthesis = np.array(rows)
    analysis = synthesis * weights ** 2
    analysis[:, 3 * MESH:] = 0
    return MotionBasis(synthesis, analysis)
