"""New pictures from faces and their landmarks, as textured meshes: turned heads, mixed people.

Gives turned heads of people of whom there is but one picture, and faces between those of two people.
The mesh goes on beyond the face by rings: what rides on the skull lies further back, the border of the
picture stays where it is.
"""
import cv2
import numpy as np

from .points import MESH, R, triangles

OVAL = R['FACE_OVAL']
# Rings around the face's outline: radius over the outline's, depth behind it in face heights, and
# how much of the skull's motion the ring follows.
RINGS = [(1.15, 0.12, 1.0), (1.4, 0.3, 1.0), (2.0, 0.3, 0.3)]
PIVOT_DEPTH = 0.25  # of the neck's axis behind the mean of the points, in face heights


def ring_triangles():
    """Triangles between the outline and the rings, and between the last ring and the border."""
    count, sides = len(RINGS) + 1, len(OVAL)
    rows = [OVAL] + [list(range(MESH + r * sides, MESH + (r + 1) * sides)) for r in range(count)]
    out = []
    for inner, outer in zip(rows, rows[1:]):
        for i in range(sides):
            j = (i + 1) % sides
            out += [(inner[i], outer[i], inner[j]), (inner[j], outer[i], outer[j])]
    return np.array(out)


MESH_TRIANGLES = np.concatenate([triangles(), ring_triangles()])


def rotation(yaw, pitch):
    """3 × 3: turned by `yaw` about the y axis, then by `pitch` about the x axis (radians)."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    return np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ [[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]


def extend(points, place, side):
    """Vertices of the mesh with its rings, and where `place` (points to points) has them move."""
    face = points[:MESH]
    height = np.ptp(face[:, 1])
    outline = points[OVAL]
    middle = outline.mean(0)
    source, target = [face], [place(face)]
    for radius, depth, share in RINGS:
        ring = middle + (outline - middle) * radius
        ring[:, 2] = outline[:, 2] + depth * height
        source.append(ring)
        target.append(ring + share * (place(ring) - ring))
    angle = np.arctan2(*(outline - middle)[:, 1::-1].T)
    far = middle + np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1) * side * 2
    far[:, 2] = outline[:, 2] + height
    return np.concatenate(source + [far]), np.concatenate(target + [far])


def render(image, source, target):
    """A square picture whose mesh moved; the nearest triangle is seen (z grows away from the camera)."""
    side = image.shape[0]
    order = np.argsort(-target[MESH_TRIANGLES, 2].mean(1))
    where = np.tile(np.float32(-1), (side, side, 2))
    for t in MESH_TRIANGLES[order]:
        a, b, c = target[t, :2]
        low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c) - 0.5), 0).astype(int)
        high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c) - 0.5), side - 1).astype(int) + 1
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if (high <= low).any() or abs(area) < 1e-6:
            continue
        x = np.arange(low[0], high[0])[None] + 0.5 - a[0]
        y = np.arange(low[1], high[1])[:, None] + 0.5 - a[1]
        u = (x * (c[1] - a[1]) - y * (c[0] - a[0])) / area
        v = (y * (b[0] - a[0]) - x * (b[1] - a[1])) / area
        inside = (u >= 0) & (v >= 0) & (u + v <= 1)
        s = source[t, :2]
        value = s[0] + u[..., None] * (s[1] - s[0]) + v[..., None] * (s[2] - s[0]) - 0.5
        where[low[1]:high[1], low[0]:high[0]][inside] = value[inside]
    return cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def turn(image, points, yaw, pitch):
    """A square picture (side, side, 3) and its (478, 3) points, turned by angles in radians."""
    height = np.ptp(points[:MESH, 1])
    centre = points[:MESH].mean(0) + [0, 0, PIVOT_DEPTH * height]
    matrix = rotation(yaw, pitch)

    def place(p):
        return (p - centre) @ matrix.T + centre

    return render(image, *extend(points, place, image.shape[0])), place(points)


def mix(image, points, other, other_points, share):
    """The face between two square pictures of faces, both upright and of one size."""
    target = points + share * (other_points - points)
    pictures = []
    for picture, own in ((image, points), (other, other_points)):
        moves = {len(OVAL): target[OVAL] - own[OVAL], MESH: target[:MESH] - own[:MESH]}
        source, moved = extend(own, lambda p: p + moves[len(p)], picture.shape[0])
        pictures.append(render(picture, source, moved))
    return cv2.addWeighted(pictures[0], 1 - share, pictures[1], share, 0), target
