"""Reads the cache that `prepare.ts` makes, and augments it.

A sample: the target picture, K references warped to it, what each is worth (trust), conditioning,
and the references themselves at half size with their own conditioning. Layouts of the records are
those of `cache-file.ts`, all channel planes: uint8 target 3, warped 4 x 3 at 256 x 256; uint8 trust
4 x 2, int16 conditioning 7 at 128 x 128. Sets: uint8 pictures 4 x 3, int16 conditioning 4 x 7.
"""
import json
from pathlib import Path

import numpy as np
import torch

SIZE, HALF, MOST, CONDITIONING = 256, 128, 4, 7
SAMPLE = np.dtype([
    ('target', 'u1', (3, SIZE, SIZE)),
    ('warped', 'u1', (MOST, 3, SIZE, SIZE)),
    ('trust', 'u1', (MOST, 2, HALF, HALF)),
    ('conditioning', '<i2', (CONDITIONING, HALF, HALF)),
])
SET = np.dtype([
    ('pictures', 'u1', (MOST, 3, HALF, HALF)),
    ('conditioning', '<i2', (MOST, CONDITIONING, HALF, HALF)),
])
CONDITIONING_UNIT = 8192
MOUTH_WEIGHT, EYE_WEIGHT = 3.0, 3.0
COUNTS, COUNT_SHARES = [1, 2, 3, 4], [0.15, 0.15, 0.2, 0.5]


class Cache:
    """`folder`: what `prepare.ts` wrote. `held_out`: people kept apart for choosing between runs."""

    def __init__(self, folder, held_out=(), sources=None):
        folder = Path(folder)
        index = json.loads((folder / 'index.json').read_text())
        self.counts = index['counts']
        self.entries = index['samples']
        self.samples = np.memmap(folder / 'samples.bin', SAMPLE, 'r')
        self.sets = np.memmap(folder / 'sets.bin', SET, 'r')
        wanted = [i for i, e in enumerate(self.entries) if not sources or e['source'] in sources]
        self.train = [i for i in wanted if self.entries[i]['person'] not in held_out]
        self.held_out = [i for i in wanted if self.entries[i]['person'] in held_out]

    def shares(self, indices):
        """How often each sample is drawn: people alike in the square root of their number."""
        number = {}
        for i in indices:
            number[self.entries[i]['person']] = number.get(self.entries[i]['person'], 0) + 1
        shares = np.array([number[self.entries[i]['person']] ** -0.5 for i in indices])
        return shares / shares.sum()

    def batch(self, indices, rng, count=MOST, crop=SIZE, augment=True):
        """Samples as tensors: target, warped, trust, conditioning, pictures, their conditioning,
        present, weight. `count` references each (repeated where there are fewer)."""
        items = [self._item(i, rng, count, crop, augment) for i in indices]
        return {name: torch.from_numpy(np.stack([item[name] for item in items]))
                for name in items[0]}

    def _item(self, index, rng, count, crop, augment):
        entry, sample = self.entries[index], self.samples[index]
        kept = self.counts[entry['set']]
        order = rng.permutation(kept) if augment else np.arange(kept)
        chosen = np.resize(order, count)
        x0 = y0 = 0
        if crop < SIZE:
            left, top, right, bottom = entry['mouth']
            across = (left + right) / 2 + rng.normal(0, 40) - crop / 2
            down = (top + bottom) / 2 - 30 + rng.normal(0, 40) - crop / 2
            x0, y0 = (int(np.clip(v, 0, SIZE - crop)) // 8 * 8 for v in (across, down))
        full = np.s_[..., y0:y0 + crop, x0:x0 + crop]
        half = np.s_[..., y0 // 2:(y0 + crop) // 2, x0 // 2:(x0 + crop) // 2]
        kept_set = self.sets[entry['set']]
        item = {
            'target': sample['target'][full].astype('f4') / 255,
            'warped': sample['warped'][chosen][full].astype('f4') / 255,
            'trust': trust_of(sample['trust'][chosen][half]),
            'conditioning': sample['conditioning'][half].astype('f4') / CONDITIONING_UNIT,
            'pictures': kept_set['pictures'][chosen].astype('f4') / 255,
            'set_conditioning': kept_set['conditioning'][chosen].astype('f4') / CONDITIONING_UNIT,
            'present': np.ones(count, 'f4'),
            'weight': weight_of(entry)[None][full],
        }
        if augment:
            recolour(item, rng)
            if rng.random() < 0.5:
                flip(item)
        return {name: np.ascontiguousarray(value) for name, value in item.items()}


def trust_of(raw):
    trust = raw.astype('f4')
    share = trust[:, 0] / 255
    # Where references were left out, those that are there share what is missing.
    total = share.sum(0, keepdims=True)
    trust[:, 0] = np.where(total > 0.02, share / np.maximum(total, 1e-6), 1 / len(share))
    trust[:, 1] = trust[:, 1] / 127.5 - 1
    return trust


def weight_of(entry):
    """1, more in the mouth and the eyes."""
    weight = np.ones((SIZE, SIZE), 'f4')
    for box, extra in [(entry['mouth'], MOUTH_WEIGHT)] + [(eye, EYE_WEIGHT) for eye in entry['eyes']]:
        left, top, right, bottom = box
        weight[top:bottom, left:right] += extra
    return weight


def recolour(item, rng):
    """One change of brightness, contrast, white balance and saturation for all pictures."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, (3, 1, 1)).astype('f4')
    offset = rng.uniform(-0.06, 0.06)
    saturation = rng.uniform(0.6, 1.3)
    for name in ('target', 'warped', 'pictures'):
        x = item[name]
        grey = x.mean(-3, keepdims=True)
        x = grey + (x - grey) * saturation
        item[name] = np.clip(x * gain + offset, 0, 1).astype('f4')


def flip(item):
    for name, value in item.items():
        if name != 'present':
            item[name] = value[..., ::-1]
    for name in ('conditioning', 'set_conditioning'):
        value = item[name].copy()
        value[..., 0, :, :] *= -1
        item[name] = value
