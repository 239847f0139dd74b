"""What the fine-tunings of packs share; `visavis personalise` runs each as `python3 -m FAMILY.personalise PACK CACHE OUT
[--minutes 8]`, from training/, and makes CACHE of a clip, and a personal pack of OUT.

Who is `held-out` in CACHE is measured and never trained on. OUT gets what the binary16 weights of PACK's generator have
become less what they were: float32, little-endian, in the order of the pack's weights.json. On stdout one JSON object a
line: `{"done": 0-1, "steps": n}` now and then, and at the end `{"base": ..., "personal": ...}`, each of `MEASURES`.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .geometry import CROP_UNITS
from .training import follow

SECONDS_BETWEEN_LINES = 1
AVERAGE = 0.99
MEASURES = ('psnr', 'psnr_features', 'sharpness')
MARGIN = 6  # crop units around mouth and eyes


def fine_tuning_arguments(description):
    """The arguments of every fine-tuning: `pack`, `cache`, `out` (paths) and `minutes`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('pack', type=Path)
    parser.add_argument('cache', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--minutes', type=float, default=8)
    return parser.parse_args()


def steps_for(minutes):
    """Yields the number of each step, from 1, and the share of the time that was gone before it; says on stdout how it goes."""
    began, told, done, step = time.monotonic(), 0.0, 0.0, 0
    while done < 1:
        step += 1
        yield step, done
        elapsed = time.monotonic() - began
        done = elapsed / (60 * minutes)
        if elapsed - told > SECONDS_BETWEEN_LINES:
            told = elapsed
            print(json.dumps({'done': round(min(done, 1), 4), 'steps': step}), flush=True)


def share_kept(step):
    """What a running average keeps of itself after so many steps: early on it is that of all of them."""
    return min(AVERAGE, step / (step + 10))


def packed_names(places):
    """Of a network's `places` in weights.json, the names of what a personal pack can change: binary16 weights."""
    return [name for name, (_, _, size) in places.items() if size == 2]


class Tuned:
    """The weights that a personal pack can change, which alone are made trainable: `weights`, in the pack's order."""

    def __init__(self, model, places):
        parameters = dict(model.named_parameters())
        self.names = packed_names(places)
        self.weights = [parameters[name] for name in self.names]
        model.requires_grad_(False)
        for weight in self.weights:
            weight.requires_grad_(True)
        self.base = [weight.detach().clone() for weight in self.weights]
        self.average = [weight.detach().clone() for weight in self.weights]

    def follow(self, step):
        """Moves the running average on after a step."""
        follow(self.average, self.weights, share_kept(step))

    @torch.no_grad()
    def settle(self):
        """Replaces the weights by their running average; gives what they have changed by."""
        for weight, mean in zip(self.weights, self.average):
            weight.copy_(mean)
        return [mean - origin for mean, origin in zip(self.average, self.base)]


def box_weight(parts, size):
    """1 x size x size: 2 in the boxes of the mouth and of the eyes, 1 elsewhere. `parts`: the points of each, n x 2, crop units."""
    weight = torch.ones(1, size, size)
    for points in parts:
        box = np.concatenate([points.min(0) - MARGIN, points.max(0) + MARGIN])
        left, top, right, bottom = np.clip(np.round(box * size / CROP_UNITS), 0, size).astype(int)
        weight[:, top:bottom, left:right] = 2
    return weight


def mean_measures(rows):
    """Means over pictures; each row holds dB of all, dB of mouth and eyes, and detail."""
    return dict(zip(MEASURES, np.mean(rows, 0).tolist()))


def finish(out, differences, base, measure):
    """Writes the differences and says what they are worth: `base` before, `measure()` now. Ends the program where they are
    not finite."""
    if not all(torch.isfinite(difference).all() for difference in differences):
        sys.exit('the training diverged: give another clip')
    personal = measure()
    out.write_bytes(b''.join(d.contiguous().numpy().astype('<f4').tobytes() for d in differences))
    print(json.dumps({'base': base, 'personal': personal}), flush=True)
