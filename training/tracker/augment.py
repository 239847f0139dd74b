"""From a cached crop to a training sample: the tracker's own framing errors, shapes, light, damage."""
import cv2
import numpy as np

from .cache import square_of
from .network import SIDE
from .points import MIRROR, POINTS

MARGIN = 1.5  # side of the network's square over the face's extent, as src/sender/trackers has it
PLAIN = 0.4  # share of samples that look like good video: framed as in tracking, nothing damaged
ROUGH = 0.4  # share of the others that are framed as loosely as a detector does
WARP = 0.6  # share of samples whose face gets another shape
GRID, BEND = 4, 2.5  # control points along a side, and their shifts' deviation in pixels


def framing(points, rng, rough):
    """2 × 3 matrix from sample pixels to crop pixels around the face, off as in detection or tracking."""
    centre, extent, angle = square_of(points)
    size = extent * MARGIN
    if rough:
        centre = centre + rng.uniform(-0.1, 0.1, 2) * size
        size *= rng.uniform(0.8, 1.35)
        angle += np.radians(rng.uniform(-25, 25))
    else:
        centre = centre + rng.normal(0, 0.025, 2) * size
        size *= np.exp(rng.normal(0, 0.05))
        angle += np.radians(rng.normal(0, 3))
    return square_matrix(centre, size, angle)


def square_matrix(centre, size, angle):
    scale = size / SIDE
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0]])
    matrix[:, 2] = centre - matrix[:, :2] @ [SIDE / 2, SIDE / 2]
    return matrix


def resample(crop, points, matrix, bend=None):
    """The sample under a matrix and a field of shifts (SIDE, SIDE, 2), and the points in it."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    inverse = np.linalg.inv(matrix[:, :2])
    xy = (points[:, :2] - matrix[:, 2]) @ inverse.T
    if bend is None:
        pixels = matrix.copy()
        pixels[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
        image = cv2.warpAffine(crop, pixels, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE,
                               flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    else:
        middle = np.arange(SIDE, dtype=np.float32) + 0.5
        x, y = middle[None] + bend[..., 0], middle[:, None] + bend[..., 1]
        m = matrix.astype(np.float32)
        image = cv2.remap(crop, m[0, 0] * x + m[0, 1] * y + (m[0, 2] - 0.5),
                          m[1, 0] * x + m[1, 1] * y + (m[1, 2] - 0.5), cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)
        target = xy
        for _ in range(4):  # the inverse of a gentle field, by iteration
            at = np.clip(xy, 0, SIDE - 1).astype(int)
            xy = target - bend[at[:, 1], at[:, 0]]
    return image, np.concatenate([xy, points[:, 2:] / scale], 1)


def reshape(matrix, rng):
    """Another shape of head: stretched, sheared, bent."""
    stretch = np.exp(rng.normal(0, 0.06, 2))
    linear = np.diag(stretch / np.sqrt(stretch.prod())) @ [[1, rng.normal(0, 0.03)], [0, 1]]
    matrix = matrix.copy()
    middle = matrix[:, :2] @ [SIDE / 2, SIDE / 2] + matrix[:, 2]
    matrix[:, :2] = matrix[:, :2] @ linear
    matrix[:, 2] = middle - matrix[:, :2] @ [SIDE / 2, SIDE / 2]
    shifts = rng.normal(0, BEND, (GRID, GRID, 2)).astype(np.float32)
    return matrix, cv2.resize(shifts, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)


def occlude(image, other, rng):
    """Covers a part with a piece of another picture, its colours changed."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    centre = rng.integers(20, SIDE - 20, 2).tolist()
    axes = [int(rng.uniform(8, 50)), int(rng.uniform(8, 30))]
    cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
    patch = cv2.resize(other[rng.integers(100):, rng.integers(100):], (SIDE, SIDE))
    if rng.random() < 0.5:
        patch = cv2.add(patch, rng.normal(0, 40, 4))
    cv2.copyTo(patch, mask, image)


def light(image, rng):
    """Gain, gamma, colour, a gradient across the picture."""
    ramp = np.arange(256) / 255
    gain = np.exp(rng.normal(0, 0.15)) * np.exp(rng.normal(0, 0.07, 3))
    table = ramp[:, None] ** np.exp(rng.normal(0, 0.2)) * gain + rng.normal(0, 0.04)
    image = cv2.LUT(image, (table.clip(0, 1) * 255).astype(np.uint8)[None])
    if rng.random() < 0.08:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.3:
        x = np.linspace(-1, 1, SIDE, dtype=np.float32)
        plane = 1 + rng.uniform(-0.5, 0.5) * x[None] + rng.uniform(-0.5, 0.5) * x[:, None]
        image = (image * plane[..., None]).clip(0, 255).astype(np.uint8)
    return image


def damage(image, rng):
    """Few pixels, motion blur, noise, JPEG."""
    if rng.random() < 0.4:
        side = int(np.exp(rng.uniform(np.log(48), np.log(170))))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        kind = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        image = cv2.resize(small, (SIDE, SIDE), interpolation=kind)
    if rng.random() < 0.12:
        length = int(rng.integers(3, 10))
        kernel = np.zeros((length, length), np.float32)
        a = rng.uniform(0, np.pi)
        reach = (length - 1) / 2
        ends = [tuple(int(round(reach + s * reach * f)) for f in (np.cos(a), np.sin(a))) for s in (-1, 1)]
        cv2.line(kernel, *ends, 1)
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    if rng.random() < 0.4:
        noise = np.empty(image.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        cv2.randn(noise, 0, rng.uniform(2, 12))
        image = cv2.add(image, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.3:
        _, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return image


def face_sample(crop, points, other, rng):
    """(SIDE, SIDE, 3) uint8 and (478, 3) points from a crop with a face; `other` is any crop."""
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
        points = points[MIRROR] * [-1, 1, 1] + [crop.shape[1], 0, 0]
    crop = np.ascontiguousarray(crop)
    plain = rng.random() < PLAIN
    matrix, bend = framing(points, rng, not plain and rng.random() < ROUGH), None
    if rng.random() < WARP:
        matrix, bend = reshape(matrix, rng)
    image, points = resample(crop, points, matrix, bend)
    if plain:
        return light(image, rng), points
    if rng.random() < 0.3:
        occlude(image, other, rng)
    return damage(light(image, rng), rng), points


def empty_sample(crop, rng):
    """As `face_sample`, from a crop without a face; the points are zero."""
    side = crop.shape[0]
    size = rng.uniform(0.3, 1) * side
    centre = rng.uniform(size / 2, side - size / 2, 2)
    image, _ = resample(np.ascontiguousarray(crop), np.zeros((1, 3)),
                        square_matrix(centre, size, rng.uniform(-0.5, 0.5)))
    return damage(light(image, rng), rng), np.zeros((POINTS, 3))


def plain_sample(crop, points, rng):
    """The face framed a little off, and nothing else: for measuring."""
    centre, extent, angle = square_of(points)
    shift = rng.normal(0, 0.02, 2)
    size = extent * MARGIN
    return resample(crop, points, square_matrix(centre + shift * size, size, angle))
