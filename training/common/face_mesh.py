"""What a receiver knows of a face, for training: the closed parts of the mesh and the motion basis, in crop units."""
import re
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tracker.points import MESH, POINTS

from .geometry import ROOT, source


def closed_triangles():
    """The ranges of the triangles that close the right eye, the left eye and the mouth."""
    counts = re.search(r'TRIANGLE_COUNTS = \[([\d, ]*)\]', source('topology-table'))
    ends = np.cumsum([int(n) for n in counts[1].split(',')])
    return tuple(range(a, b) for a, b in zip(ends[:-1], ends[1:]))


class MotionBasis(NamedTuple):
    """The linear basis of expression of a pack: n components over 478 x 3 coordinates."""

    synthesis: np.ndarray  # n x 1434: crop units for a coefficient of 1
    analysis: np.ndarray   # n x 1434: coefficient for a crop unit; 0 at the irises


def motion_basis(path=ROOT / 'packs' / 'warp' / 'basis.bin'):
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
