"""The shape fit of Head2HeadFS (Doukas et al. 2021, section 3.1): identity fixed over a clip, smooth expression.

A face is x(s_i, s_e) = neutral + U s_e (equation 1), seen in scaled orthographic projection. Where the paper
has LSFM, whose 10,000 scans are not to be had, we have what the codec has: the identity is the person's neutral
geometry (478 points) and U is the pack's motion basis. So a receiver knows the fitted shape from the ordinary
motion stream. Equation 2 is minimised by turns in the camera, the neutral and the expression; the data term is
the codec's weighted distance of the points, all 478 where the paper has 68.
"""
from typing import NamedTuple

import numpy as np
from scipy.linalg import solveh_banded
from scipy.optimize import lsq_linear
from scipy.sparse import diags, eye, vstack

from tracker.points import POINTS, regions

ROUNDS = 4
SOFT_WEIGHT = 0.15  # as in src/geometry/pose.ts
PRIOR_WEIGHT = 0.02  # w_pr; w_l is 1
SMOOTH_WEIGHT = 1.0  # w_sm
BOX = 4.0  # largest coefficient, in its standard deviation over the clip

_FIT = np.full(POINTS, SOFT_WEIGHT)
_FIT[regions()['RIGID_POINTS']] = 1
_FIT /= _FIT.sum()


class Fit(NamedTuple):
    """A clip of T frames; crop units."""

    neutral: np.ndarray      # 478 x 3: the identity
    expression: np.ndarray   # T x n
    geometry: np.ndarray     # T x 478 x 3: identity, expression and camera together


class Camera(NamedTuple):
    """Scaled orthographic projection of a shape: p -> scale p R^T + shift (depth carried along)."""

    scale: float
    rotation: np.ndarray
    shift: np.ndarray

    def apply(self, shape):
        return self.scale * shape @ self.rotation.T + self.shift

    def remove(self, points):
        return (points - self.shift) @ self.rotation / self.scale


def fit_camera(shape, points):
    """The weighted least-squares camera from a shape to points, both 478 x 3 (Umeyama 1991)."""
    middle, target = _FIT @ shape, _FIT @ points
    centred = shape - middle
    u, s, vt = np.linalg.svd((points - target).T @ (centred * _FIT[:, None]))
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = (s * sign).sum() / (_FIT @ (centred ** 2).sum(1))
    return Camera(scale, rotation, target - scale * rotation @ middle)


def mean_shape(frames):
    """The generalised Procrustes mean (Gower 1975) of T x 478 x 3, its centroid at the origin."""
    mean = frames[0] - frames[0].mean(0)
    for _ in range(ROUNDS):
        mean = np.mean([fit_camera(mean, frame).remove(frame) for frame in frames], 0)
        mean -= mean.mean(0)
    return mean


def smooth_expression(raw, prior=PRIOR_WEIGHT, smooth=SMOOTH_WEIGHT, box=BOX):
    """The coefficients T x n that minimise equation 2 for those of each frame alone, `raw`.

    The basis is orthonormal, so every component is a problem of its own: sum (s - raw)^2 + prior sum s^2 +
    smooth sum (s_t-1 - 2 s_t + s_t+1)^2 with |s| at most `box` standard deviations. Where the box is not
    touched it is a banded system; where it is, the reflective method that the paper cites (Coleman & Li 1996)
    solves it.
    """
    frames = len(raw)
    if frames < 3:
        return raw / (1 + prior)
    second = second_difference(frames)
    normal = (1 + prior) * eye(frames) + smooth * (second.T @ second)
    banded = np.zeros((3, frames))
    for above in range(3):
        banded[2 - above, above:] = normal.diagonal(above)
    made = solveh_banded(banded, raw)
    limits = box * raw.std(0) + 1e-9
    system = None
    for k in np.flatnonzero((np.abs(made) > limits).any(0)):
        if system is None:
            system = vstack([eye(frames), np.sqrt(prior) * eye(frames), np.sqrt(smooth) * second]).tocsr()
        target = np.concatenate([raw[:, k], np.zeros(system.shape[0] - frames)])
        made[:, k] = lsq_linear(system, target, (-limits[k], limits[k]), method='trf').x
    return made


def second_difference(frames):
    """The matrix of second temporal derivatives of three frames and more, (T - 2) x T."""
    return diags([1, -2, 1], [0, 1, 2], shape=(frames - 2, frames))


def fit_clip(landmarks, basis, smooth=SMOOTH_WEIGHT):
    """Fits the consecutive frames of one person, T x 478 x 3 in crop units."""
    landmarks = landmarks.astype('f8')
    neutral = mean_shape(landmarks)
    # The camera's unit is that of the picture, so that coefficients of two people compare.
    neutral *= np.exp(np.mean([np.log(fit_camera(neutral, frame).scale) for frame in landmarks]))
    shapes = np.repeat(neutral[None], len(landmarks), 0)
    for _ in range(ROUNDS):
        cameras = [fit_camera(shape, frame) for shape, frame in zip(shapes, landmarks)]
        aligned = np.array([camera.remove(frame) for camera, frame in zip(cameras, landmarks)])
        raw = (aligned - neutral).reshape(len(landmarks), -1) @ basis.analysis.T
        expression = smooth_expression(raw, smooth=smooth)
        offsets = (expression @ basis.synthesis).reshape(aligned.shape)
        # What the expression does not explain in the mean is the person's.
        neutral = neutral + (aligned - neutral - offsets).mean(0)
        shapes = neutral + offsets
    # The irises are no part of the fit: they stay where they were seen beside the eyes.
    shapes[:, 468:] += aligned[:, 468:] - shapes[:, 468:]
    geometry = np.array([camera.apply(shape) for camera, shape in zip(cameras, shapes)])
    return Fit(neutral, expression, geometry.astype('f4'))
