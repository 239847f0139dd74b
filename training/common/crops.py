"""Reads the caches of `common/prepare.ts` and draws K-shot episodes from them.

An episode (LSR, Meshry et al. 2021, section 3.1; FSTH, Zakharov et al. 2019, section 3.2): K
references and a target, of one person in one clip; the target is not among the references where the
clip has more than K crops.
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from tracker.points import MIRROR

from . import training
from .contours import draw_contours
from .geometry import CROP_UNITS
from .run import Processes

POINTS = 478
ROTATION = 0.12  # radians that an episode's pictures are turned by at most
SHIFT, SCALE = 0.04, 0.06  # of the crop, at most
MOVING = 20         # crops of one clip, at least, of a person in motion
MOVING_SHARE = 0.5  # of the episodes in training: stills show more people, clips how a face moves


class Crops:
    """`folders`: caches of one size. `held_out`: people kept apart, to choose between runs."""

    def __init__(self, folders, held_out=()):
        self.entries, self.places, self.size = [], [], None
        for folder in map(Path, folders):
            if not (folder / 'index.json').exists():
                sys.exit(f'{folder} is no cache of crops: make it with common/prepare.ts')
            index = json.loads((folder / 'index.json').read_text())
            size, entries = index['size'], index['entries']
            if self.size not in (None, size):
                sys.exit(f'{folder} has crops of {size} pixels, the others of {self.size}')
            self.size = size
            if (folder / 'crops.bin').stat().st_size != len(entries) * 3 * size * size:
                sys.exit(f'{folder} is half made: make it again')
            pictures = np.memmap(folder / 'crops.bin', 'u1', 'r').reshape(-1, 3, size, size)
            landmarks = np.memmap(folder / 'landmarks.bin', '<f4', 'r').reshape(-1, POINTS, 3)
            self.places += [(pictures, landmarks, row) for row in range(len(entries))]
            self.entries += entries
        clips = {}
        for i, entry in enumerate(self.entries):
            clips.setdefault((entry['person'], entry['clip']), []).append(i)
        self.train = {clip: rows for clip, rows in clips.items() if clip[0] not in held_out}
        self.held_out = {clip: rows for clip, rows in clips.items() if clip[0] in held_out}
        self.moving = {clip: rows for clip, rows in self.train.items() if len(rows) >= MOVING}

    def check(self, path, size):
        """Ends the program where the crops are not of the `size` that the configuration `path` says, or all are held out."""
        if self.size != size:
            sys.exit(f'{path}: size is {size}, the cache has crops of {self.size} pixels')
        if not self.train:
            sys.exit(f'the cache holds nobody to train on that {path} admits')

    def crop(self, index):
        """Picture (3, S, S) float32 0-1 and landmarks (478, 3) in crop units."""
        pictures, landmarks, row = self.places[index]
        return pictures[row].astype('f4') / 255, np.array(landmarks[row])

    def clip(self, clips, rng):
        """The name of a clip: of a person, then of their clips, drawn evenly. In training, so many are of people in motion."""
        if clips is self.train and self.moving and rng.random() < MOVING_SHARE:
            clips = self.moving
        people = sorted({person for person, _ in clips})
        person = people[rng.integers(len(people))]
        own = sorted(clip for clip in clips if clip[0] == person)
        return own[rng.integers(len(own))]

    def choose(self, clips, rng, count):
        """Target and `count` references of a `clip`, indices."""
        rows = clips[self.clip(clips, rng)]
        chosen = rng.permutation(rows)[:count + 1]
        return chosen[0], np.resize(chosen[1:] if len(chosen) > 1 else chosen, count)

    def episode(self, target, references, rng=None):
        """`target` (3, S, S), `target_landmarks` (478, 3), `target_contours` (3, S, S), `references`,
        `reference_landmarks`, `reference_contours` (K, ...), all float32. With `rng`: augmented."""
        crops = [self.crop(index) for index in (target, *references)]
        pictures, landmarks = map(np.stack, zip(*crops))
        if rng is not None:
            pictures, landmarks = augmented(pictures, landmarks, rng)
        contours = np.stack([draw_contours(face, self.size) for face in landmarks])
        item = {'landmarks': landmarks.astype('f4'), 'contours': contours}
        return {'target': pictures[0], 'references': pictures[1:],
                **{f'target_{name}': value[0] for name, value in item.items()},
                **{f'reference_{name}': value[1:] for name, value in item.items()}}

    def batch(self, clips, rng, size, count, augment=True):
        """`size` episodes of `count` references as tensors, by the names of `episode`."""
        items = [self.episode(*self.choose(clips, rng, count), rng if augment else None)
                 for _ in range(size)]
        return {name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]}


def augmented(pictures, landmarks, rng):
    """One movement and one change of colours for a whole episode."""
    turned, moved_landmarks = moved(pictures, landmarks, rng)
    return recoloured(turned, rng), moved_landmarks


def moved(pictures, landmarks, rng):
    """One turn, shift, scale, at times a mirror image, for all pictures (n, C, S, S; C at most 4)."""
    size = pictures.shape[-1]
    unit = size / CROP_UNITS
    angle, scale = rng.uniform(-ROTATION, ROTATION), np.exp(rng.uniform(-SCALE, SCALE))
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if rng.random() < 0.5:
        matrix[:, 0] *= -1
    centre = np.full(2, CROP_UNITS / 2)
    offset = centre - matrix @ centre + rng.uniform(-SHIFT, SHIFT, 2) * CROP_UNITS
    points = landmarks.copy()
    points[..., :2] = landmarks[..., :2] @ matrix.T + offset
    points[..., 2] *= scale
    if np.linalg.det(matrix) < 0:
        points = points[:, MIRROR]
    # Pixel centres lie at half integers, in OpenCV at integers.
    shift = offset * unit + matrix @ np.full(2, 0.5) - 0.5
    warp = np.column_stack([matrix, shift])
    turned = [cv2.warpAffine(picture.transpose(1, 2, 0), warp, (size, size), flags=cv2.INTER_LINEAR,
                             borderMode=cv2.BORDER_REFLECT_101).transpose(2, 0, 1) for picture in pictures]
    return np.stack(turned), points


def recoloured(pictures, rng):
    """Brightness, contrast, white balance and saturation, the same for all pictures: widely, so that colours come from the
    references rather than from who is known."""
    gain = rng.uniform(0.65, 1.25) * rng.uniform(0.85, 1.15, (3, 1, 1))
    grey = pictures.mean(-3, keepdims=True)
    pictures = grey + (pictures - grey) * rng.uniform(0.5, 1.4)
    return np.clip(pictures * gain + rng.uniform(-0.08, 0.08), 0, 1).astype('f4')


def batches(crops, seed, size, count, start, rank=0, device='cpu'):
    """`training.batches` of episodes; `count` gives the number of references of a step's batch from its generator."""
    make = lambda rng: crops.batch(crops.train, rng, size, count(rng))
    return training.batches(make, seed, start, Processes(rank, 1, device))
