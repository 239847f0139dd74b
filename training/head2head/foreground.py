"""Who is in front: a mask of head, hair and shoulders for the pictures of a cache.

The paper takes a face-parsing network for it; none with weights of clear rights is to be had, so this stands
in: GrabCut (Rother et al. 2004), told by the 478 points where the face surely is and where a person may be.
What it takes for background that is not, hair before a dark wall, say, the generator learns to leave out.
"""
import cv2
import numpy as np

from common.geometry import CROP_UNITS
from tracker.points import MESH, regions

MOST_SIDE = 128  # pixels that it works at, at most
ROUNDS = 4
OVAL = regions()['FACE_OVAL']
# Of the face's height: how far hair may reach, and where shoulders lie.
HAIR = 0.45
SHOULDERS, NECK = 1.25, 0.22


def foreground(picture, landmarks):
    """`picture` 3 x S x S uint8 and its points 478 x 3 (crop units) -> 0-255 of the person, S x S uint8."""
    size = picture.shape[-1]
    side = min(size, MOST_SIDE)
    image = cv2.resize(np.ascontiguousarray(picture.transpose(1, 2, 0)), (side, side), interpolation=cv2.INTER_AREA)
    seeds = seeds_of(landmarks[:, :2] * (side / CROP_UNITS), side)
    cv2.setRNGSeed(1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, seeds, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    mask = np.where((seeds == cv2.GC_FGD) | (seeds == cv2.GC_PR_FGD), 255, 0).astype('u1')
    mask = largest(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), 'u1')))
    mask = cv2.GaussianBlur(cv2.medianBlur(mask, 5), (0, 0), 0.8)
    return cv2.resize(mask, (size, size), interpolation=cv2.INTER_LINEAR)


def seeds_of(points, side):
    """What GrabCut is told of each pixel of `side x side`; `points` 478 x 2, pixels."""
    seeds = np.full((side, side), cv2.GC_BGD, 'u1')
    face, centre = points[OVAL], points[:MESH].mean(0)
    top, chin = points[10], points[152]
    height = max(np.linalg.norm(top - chin), 1e-6)
    up = (top - chin) / height

    def head(scale, hair):
        grown = centre + scale * (face - centre)
        return cv2.convexHull(np.concatenate([grown, grown + hair * height * up]).astype('f4'))[:, 0]

    def trunk(neck, shoulders, below):
        """From `below` under the chin down to the border; all in heights of the face."""
        x, y = chin
        return np.array([[x - neck * height, y + below * height], [x + neck * height, y + below * height],
                         [x + shoulders * height, y + (below + 0.5) * height], [x + shoulders * height, side],
                         [x - shoulders * height, side], [x - shoulders * height, y + (below + 0.5) * height]])

    for outline, value in (
            # Where a person may be, where one most often is, and where one surely is.
            (head(1.35, HAIR), cv2.GC_PR_BGD), (trunk(0.5, SHOULDERS, -0.1), cv2.GC_PR_BGD),
            (head(1.1, 0.2), cv2.GC_PR_FGD), (trunk(NECK, 0.8, 0), cv2.GC_PR_FGD),
            (head(0.95, 0), cv2.GC_FGD), (trunk(0.1, 0.4, 0.4), cv2.GC_FGD)):
        cv2.fillPoly(seeds, [np.round(outline).astype('i4')], int(value))
    return seeds


def largest(mask):
    """The largest connected part alone."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if len(stats) < 2:
        return mask
    return np.where(labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax(), mask, 0).astype('u1')
