"""Semantic regions from landmarks: the substitute for LSR's segmentation oracle (section 3.2).

The paper segments each target with the face parser of CelebAMask-HQ (Lee et al. 2020), whose weights
have no licence that we could use. Its 19 classes are kept, so that layouts mean the same; what the
478 points outline is exact (skin, brows, eyes, nose, lips, mouth), hair, neck and clothes are where
they are on most people, which is all that a layout needs to begin with: the loss is off afterwards.
Glasses, hats, ears and jewellery are never labelled.
"""
import cv2
import numpy as np

from common.geometry import CROP_UNITS
from tracker.points import regions

BACKGROUND, SKIN, NOSE, LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW = 0, 1, 2, 4, 5, 6, 7
MOUTH, UPPER_LIP, LOWER_LIP, HAIR, NECK, CLOTHES = 10, 11, 12, 13, 17, 18
R = regions()
NOSE_OUTLINE = [168, 122, 196, 3, 131, 48, 98, 97, 2, 326, 327, 278, 360, 248, 419, 351]
HEAD_WIDTH, HEAD_ABOVE = 1.25, 1.5  # of the face oval's half width and half height
SUBPIXEL = 4  # bits


def label_map(landmarks, size):
    """(size, size) uint8 of classes 0-18. `landmarks`: (478, 2 or 3) in crop units."""
    points = np.asarray(landmarks)[:, :2] * (size / CROP_UNITS) - 0.5
    labels = np.full((size, size), BACKGROUND, np.uint8)

    def fill(outline, label):
        fixed = np.round(np.asarray(outline) * 2 ** SUBPIXEL).astype(np.int32)
        cv2.fillPoly(labels, [fixed], label, shift=SUBPIXEL)

    oval = points[R['FACE_OVAL']]
    forehead, chin = points[10], points[152]
    down = chin - forehead
    across = points[454] - points[234]
    centre = (forehead + chin) / 2
    width = max(np.linalg.norm(across), np.linalg.norm(down) / 2)

    below = centre + down
    fill([chin - 0.5 * across, chin + 0.5 * across, [below[0] + 1.3 * width, size * 2.0],
          [below[0] - 1.3 * width, size * 2.0]], CLOTHES)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    up = -down / max(np.linalg.norm(down), 1e-6)
    side = np.array([-up[1], up[0]])
    half_height = np.linalg.norm(down) / 2
    tall = np.where(np.sin(angle) > 0, HEAD_ABOVE, 1.0) * half_height
    fill(centre + np.outer(np.cos(angle) * HEAD_WIDTH * width / 2, side)
         + np.outer(np.sin(angle) * tall, up), HAIR)
    fill([chin - 0.35 * across - 0.2 * down, chin + 0.35 * across - 0.2 * down,
          chin + 0.4 * across + 0.35 * down, chin - 0.4 * across + 0.35 * down], NECK)
    fill(oval, SKIN)
    fill(points[NOSE_OUTLINE], NOSE)
    for brow, eye, lids, label in (('RIGHT_BROW', RIGHT_EYE, 'RIGHT_LIDS', RIGHT_BROW),
                                   ('LEFT_BROW', LEFT_EYE, 'LEFT_LIDS', LEFT_BROW)):
        upper = points[R[brow]]
        fill(np.concatenate([upper, upper[::-1] + 0.06 * down]), label)
        fill(points[R[lids]], eye)
    outer, inner = points[R['LIPS_OUTER']], points[R['LIPS_INNER']]
    half = len(outer) // 2
    fill(np.concatenate([outer[:half + 1], inner[:half + 1][::-1]]), LOWER_LIP)
    fill(np.concatenate([outer[half:], outer[:1], inner[:1], inner[half:][::-1]]), UPPER_LIP)
    fill(inner, MOUTH)
    return labels
