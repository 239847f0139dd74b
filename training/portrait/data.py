"""Reads the cache that `prepare.ts` makes, and augments it.

A sample: the target picture, K references and where each of its pixels is in them, what each is
worth (trust), conditioning, and the references' own conditioning. Layouts of the records are
those of `src/cli/training/cache-file.ts`, all channel planes: uint8 target 3, int16 positions in the references 4 x 2
at 256 x 256; int16 trust 4 x 4, conditioning 7 at 128 x 128. Sets: uint8 pictures 4 x 3 at
256 x 256, int16 conditioning 4 x 7 at 128 x 128.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

from .appearance import render, values_of

SIZE, HALF, MOST, CONDITIONING, TRUST = 256, 128, 4, 7, 4
SAMPLE = np.dtype([
    ('target', 'u1', (3, SIZE, SIZE)),
    ('positions', '<i2', (MOST, 2, SIZE, SIZE)),
    ('trust', '<i2', (MOST, TRUST, HALF, HALF)),
    ('conditioning', '<i2', (CONDITIONING, HALF, HALF)),
])
SET = np.dtype([
    ('pictures', 'u1', (MOST, 3, SIZE, SIZE)),
    ('conditioning', '<i2', (MOST, CONDITIONING, HALF, HALF)),
])
UNIT = 8192
POSITION_UNIT = 64
MOUTH_WEIGHT, EYE_WEIGHT = 3.0, 3.0
NO_APPEARANCE = 0.1  # share of samples
SWAPPED_COLOURS = 0.3  # share of samples
COUNTS, COUNT_SHARES = [1, 2, 3, 4], [0.15, 0.15, 0.2, 0.5]


class Cache:
    """`folders`: what `prepare.ts` wrote. `held_out`: people kept apart for choosing between runs. `basis`:
    of the appearance that frames carry, if any."""

    def __init__(self, folders, held_out=(), sources=None, basis=None):
        self.entries, self.places, self.basis = [], [], basis
        for folder in map(Path, folders):
            if not (folder / 'index.json').exists():
                sys.exit(f'{folder} is no cache, or one not yet made to its end: make it with prepare.ts')
            index = json.loads((folder / 'index.json').read_text())
            for name, record, count in (('samples', SAMPLE, len(index['samples'])),
                                        ('sets', SET, len(index['counts']))):
                if (folder / f'{name}.bin').stat().st_size != count * record.itemsize:
                    sys.exit(f'{folder} is a cache of another version, or half made: make it again')
            samples = np.memmap(folder / 'samples.bin', SAMPLE, 'r')
            sets = np.memmap(folder / 'sets.bin', SET, 'r')
            self.entries += index['samples']
            self.places += [(samples, row, sets, index['counts']) for row in range(len(samples))]
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
        """Samples as tensors: target, positions, pixels (their own), trust, conditioning, pictures,
        their conditioning, present, weight. `count` references each (repeated where there are fewer)."""
        items = [self._item(i, rng, count, crop, augment) for i in indices]
        return {name: torch.from_numpy(np.stack([item[name] for item in items]))
                for name in items[0]}

    def _item(self, index, rng, count, crop, augment):
        entry = self.entries[index]
        samples, row, sets, counts = self.places[index]
        sample, kept = samples[row], counts[entry['set']]
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
        kept_set = sets[entry['set']]
        item = {
            'residual': self._residual(entry, sample, kept_set['pictures'], chosen, rng, augment)[full],
            'target': sample['target'][full].astype('f4') / 255,
            'positions': sample['positions'][chosen][full].astype('f4') / POSITION_UNIT,
            'pixels': pixel_centres(x0, y0, crop),
            'trust': trust_of(sample['trust'][chosen][half]),
            'conditioning': sample['conditioning'][half].astype('f4') / UNIT,
            'pictures': kept_set['pictures'][chosen].astype('f4') / 255,
            'set_conditioning': kept_set['conditioning'][chosen].astype('f4') / UNIT,
            'present': np.ones(count, 'f4'),
            'weight': weight_of(entry)[None][full],
        }
        if augment:
            recolour(item, rng)
            if rng.random() < 0.5:
                flip(item)
        return {name: np.ascontiguousarray(value) for name, value in item.items()}

    def _residual(self, entry, sample, pictures, chosen, rng, augment):
        """The appearance that a call would code, 3 x 256 x 256; at times nothing, as before the first frame."""
        if self.basis is None or (augment and rng.random() < NO_APPEARANCE):
            return np.zeros((3, SIZE, SIZE), 'f4')
        values = values_of(self.basis, entry, sample['target'].astype('f4') / 255,
                           pictures[chosen].astype('f4') / 255,
                           sample['positions'][chosen].astype('f4') / POSITION_UNIT,
                           trust_of(sample['trust'][chosen])[:, 0])
        return render(self.basis, entry, values)


def pixel_centres(x0, y0, crop):
    """x and y of each pixel's centre, 2 x crop x crop."""
    along = np.arange(crop, dtype='f4') + 0.5
    return np.stack(np.broadcast_arrays(x0 + along, (y0 + along)[:, None]))


def trust_of(raw):
    trust = raw.astype('f4') / UNIT
    share = trust[:, 0]
    # Where references were left out, those that are there share what is missing.
    total = share.sum(0, keepdims=True)
    trust[:, 0] = np.where(total > 0.02, share / np.maximum(total, 1e-6), 1 / len(share))
    return trust


def weight_of(entry):
    """1, more in the mouth and the eyes."""
    weight = np.ones((SIZE, SIZE), 'f4')
    for box, extra in [(entry['mouth'], MOUTH_WEIGHT)] + [(eye, EYE_WEIGHT) for eye in entry['eyes']]:
        left, top, right, bottom = box
        weight[top:bottom, left:right] += extra
    return weight


def recolour(item, rng):
    """One change of brightness, contrast, white balance, saturation, and at times of what is red, green
    and blue, for all pictures: few people must stand for all complexions."""
    gain = rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, (3, 1, 1)).astype('f4')
    offset = rng.uniform(-0.06, 0.06)
    saturation = rng.uniform(0.6, 1.3)
    order = rng.permutation(3) if rng.random() < SWAPPED_COLOURS else [0, 1, 2]
    for name in ('target', 'pictures'):
        x = item[name][..., order, :, :]
        grey = x.mean(-3, keepdims=True)
        x = grey + (x - grey) * saturation
        item[name] = np.clip(x * gain + offset, 0, 1).astype('f4')
    x = item['residual'][order]
    grey = x.mean(0, keepdims=True)
    item['residual'] = ((grey + (x - grey) * saturation) * gain).astype('f4')


def flip(item):
    """Mirrors everything, the references too."""
    for name, value in item.items():
        if name != 'present':
            item[name] = value[..., ::-1].copy()
    item['positions'][:, 0] = SIZE - item['positions'][:, 0]
    item['pixels'][0] = SIZE - item['pixels'][0]
    item['trust'][:, 2] *= -1
    for name in ('conditioning', 'set_conditioning'):
        item[name][..., 0, :, :] *= -1
