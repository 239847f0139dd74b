"""Sequences for Head2HeadFS, from caches of `common/prepare.ts` that `head2head.annotate` has been over."""
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from common.crops import Crops, moved, recoloured
from common.geometry import CROP_UNITS
from tracker.points import POINTS, regions

from .networks import BLACK, FRAMES, PAST
from .nmfc import coordinates_of, eye_plane, visible_triangles

LIPS = regions()['LIPS_OUTER']
MOUTH_SHARE, LEAST_MOUTH = 4, 16  # the mouth's crop is a quarter of the picture across, 16 pixels at least
STRIDES = (1, 2, 3)  # frames left out between a sequence's when augmented: a call loses and skips some too


class Sequences:
    """Of each person and clip, consecutive crops. `held_out`: people kept apart."""

    def __init__(self, folders, eyes, held_out=()):
        self.crops, self.eyes = Crops(folders, held_out), eyes
        self.size = self.crops.size
        self.extra = []
        for folder in map(Path, folders):
            masks = folder / 'masks.bin'
            if not masks.exists():
                sys.exit(f'{folder} is not annotated: python3 -m head2head.annotate {folder}')
            mask = np.memmap(masks, 'u1', 'r').reshape(-1, self.size, self.size)
            fitted = np.memmap(folder / 'fitted.bin', '<f4', 'r').reshape(-1, POINTS, 3)
            self.extra += [(mask, fitted, row) for row in range(len(mask))]
        if len(self.extra) != len(self.crops.entries):
            sys.exit(f'{folders[0]} has changed since it was annotated: annotate it again')
        self.people = sorted({person for person, _ in self.crops.train})

    def frame(self, index):
        """Picture with its mask (4, S, S) 0-1, fitted geometry (478, 3)."""
        picture, _ = self.crops.crop(index)
        mask, fitted, row = self.extra[index]
        return np.concatenate([picture, mask[row][None].astype('f4') / 255]), np.array(fitted[row])

    def item(self, clip, rows, frames, references, rng, augment):
        """A sequence of `frames` crops out of `rows`, a clip's, and K references of that clip."""
        stride = int(rng.choice(STRIDES)) if augment and len(rows) > 3 * frames else 1
        reach = (frames - 1) * stride + 1
        start = int(rng.integers(max(1, len(rows) - reach + 1)))
        # A clip that is too short goes back and forth.
        places = [bounced(start + n * stride, len(rows)) for n in range(frames)]
        chosen = rng.choice(rows, references, replace=len(rows) < references)
        pictures, geometry = map(np.stack, zip(*(self.frame(rows[p]) for p in places)))
        shown = np.stack([self.frame(row)[0] for row in chosen])
        if augment:
            both, points = moved(np.concatenate([pictures, shown]),
                                 np.concatenate([geometry, geometry[:1].repeat(len(shown), 0)]), rng)
            pictures, shown, geometry = both[:len(pictures)], both[len(pictures):], points[:len(geometry)]
            coloured = recoloured(np.concatenate([pictures, shown])[:, :3], rng)
            pictures[:, :3], shown[:, :3] = coloured[:len(pictures)], coloured[len(pictures):]
        masks = pictures[:, 3:]
        target = signed(pictures[:, :3] * masks)
        planes = [self.conditioning(face) for face in geometry]
        # Nothing is known of before the first frame, as when a call begins.
        planes = np.stack([planes[0]] * PAST + planes)
        past = np.full((PAST * 3, self.size, self.size), BLACK, 'f4')
        return {
            'nmfc': np.stack([planes[t:t + FRAMES].reshape(-1, *planes.shape[2:]) for t in range(frames)]),
            'target': target, 'mask': masks, 'past': past,
            'references': signed(shown[:, :3]),
            'mouth': np.stack([mouth_corner(face, self.size) for face in geometry]),
            'person': np.array(self.people.index(clip[0]) if clip[0] in self.people else 0),
        }

    def conditioning(self, geometry):
        """The NMFC image of a frame, (3 or 4, S, S)."""
        ids = visible_triangles(geometry, self.size)
        planes = coordinates_of(ids)
        return np.concatenate([planes, eye_plane(geometry, ids)[None]]) if self.eyes else planes

    def batch(self, clips, rng, size, frames, references, augment):
        """`size` sequences as tensors: `nmfc` N x L x 3C x S x S, `target` N x L x 3 x S x S (-1 to 1, on
        black), `mask` N x L x 1 x S x S, `past` N x 6 x S x S, `references` N x K x 3 x S x S (as cameras see
        them), `mouth` N x L x 2 (left, top of the mouth's crop), `person` N."""
        items = []
        for _ in range(size):
            clip = self.crops.clip(clips, rng)
            items.append(self.item(clip, clips[clip], frames, references, rng, augment))
        return {name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]}


def signed(pictures):
    """0-1 as -1 to 1."""
    return (2 * pictures - 1).astype('f4')


def bounced(place, count):
    """0, 1, ... count - 1, count - 2, ... 0, 1, ..."""
    if count == 1:
        return 0
    place %= 2 * (count - 1)
    return min(place, 2 * (count - 1) - place)


def mouth_side(size):
    return max(LEAST_MOUTH, size // MOUTH_SHARE)


def mouth_corner(geometry, size):
    """Left and top of the mouth's crop, pixels."""
    side = mouth_side(size)
    centre = geometry[LIPS, :2].mean(0) * (size / CROP_UNITS)
    return np.clip(np.round(centre - side / 2), 0, size - side).astype('i8')


def mouths(pictures, corners, size):
    """The mouths' crops of N x 3 x S x S; `corners` N x 2."""
    side = mouth_side(size)
    return torch.stack([picture[:, y:y + side, x:x + side] for picture, (x, y) in zip(pictures, corners.tolist())])


def flows(pictures):
    """The flow from each picture to the next, N x L x 3 x S x S -> N x (L - 1) x 2 x S x S, in halves of the side.

    Dense inverse search (Kroeger et al. 2016), where the paper fine-tunes FlowNet2.
    """
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = (127.5 * (pictures.mean(2) + 1)).clamp(0, 255).byte().cpu().numpy()
    made = [[search.calc(a, b, None).transpose(2, 0, 1) for a, b in zip(clip, clip[1:])] for clip in grey]
    return torch.from_numpy(np.array(made) * (2 / pictures.shape[-1])).to(pictures)
