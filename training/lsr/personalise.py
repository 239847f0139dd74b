"""Fine-tunes a pack of LSR on one person (Meshry et al. 2021, section 3.5): `python3 -m lsr.personalise
PACK CACHE OUT [--minutes 8]`, from training/. `visavis personalise` makes CACHE of a clip, and a personal
pack of OUT.

As in the paper the codes are those of the base and both generators learn; unlike there they learn from a
minute of the person, not from the K references alone, and without a discriminator, which packs do not hold.

CACHE holds crops and landmarks (`common/crops.py`) of three "people": `enrolment`, the references of a call,
`trained` and `held-out`, which is measured and never trained on. OUT gets what the binary16 weights
of the generator graph have become less what they were: float32, little-endian, in the order of the pack's
weights.json. On stdout one JSON object a line: `{"done": 0-1}` now and then, and at the end
`{"base": ..., "personal": ...}`.
"""
import argparse
import copy
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from common.crops import Crops
from common.run import seed_everything
from portrait.losses import psnr, sharpness

from .losses import feature_weight, reconstruction
from .train import encode, signed
from .weights import read_weights, scales_of

BATCH = 4
RATE = 1e-3
AVERAGE = 0.99
OWN_REFERENCES = 0.5  # share of the steps that see the enrolment's codes, which a call has; else others'
REFERENCES = 4
SECONDS_BETWEEN_LINES = 1


def part(crops, name):
    """All episodes of one "person", each crop with the enrolment's references: tensors as of `signed`."""
    rows = [i for i, entry in enumerate(crops.entries) if entry['person'] == name]
    enrolment = [i for i, entry in enumerate(crops.entries) if entry['person'] == 'enrolment']
    items = [crops.episode(row, enrolment) for row in rows]
    keys = [key for key in items[0] if not key.startswith('reference')]
    batch = {key: torch.from_numpy(np.stack([item[key] for item in items])) for key in keys}
    own = {key: torch.from_numpy(items[0][key][None]) for key in items[0] if key.startswith('reference')}
    return signed({**batch, **own})


@torch.no_grad()
def measure(model, codes, held_out):
    """Means over pictures that were not trained on: dB of all, and of mouth and eyes; detail."""
    weight = feature_weight(held_out['labels'])
    rows = []
    for target, contours, own in zip(held_out['target'], held_out['target_contours'], weight):
        made = ((model.decode(contours[None], *codes)[0] + 1) / 2).clamp(0, 1)
        wanted = (target[None] + 1) / 2
        rows.append([psnr(made, wanted), psnr(made, wanted, own[None]), sharpness(made, wanted)])
    return dict(zip(('psnr', 'psnr_features', 'sharpness'), np.mean(rows, 0).tolist()))


def fine_tune(model, learned, trained, codes, seconds):
    """Trains the parameters `learned` for so long; leaves their running average in the model."""
    rng = np.random.default_rng(1)
    average = copy.deepcopy(learned)
    optimiser = torch.optim.Adam(learned, RATE, (0, 0.999))
    weight, count = feature_weight(trained['labels']), len(trained['target'])
    began, told, done, steps = time.monotonic(), 0.0, 0.0, 0
    while done < 1:
        optimiser.param_groups[0]['lr'] = RATE * (0.5 + 0.5 * np.cos(np.pi * done))
        chosen, person = rng.choice(count, BATCH), codes
        if rng.random() >= OWN_REFERENCES:
            others = rng.choice(count, REFERENCES)
            pair = trained['target'][others][None], trained['target_contours'][others][None]
            with torch.no_grad():
                person = encode(model, dict(zip(('references', 'reference_contours'), pair)))
        made = model.decode(trained['target_contours'][chosen], *(code.expand(BATCH, -1) for code in person))[0]
        loss = sum(reconstruction(made, trained['target'][chosen], weight[chosen]))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        steps += 1
        with torch.no_grad():
            for mean, value in zip(average, learned):
                mean.lerp_(value, 1 - min(AVERAGE, steps / (steps + 10)))
        elapsed = time.monotonic() - began
        done = elapsed / seconds
        if elapsed - told > SECONDS_BETWEEN_LINES:
            told = elapsed
            print(json.dumps({'done': round(min(done, 1), 4), 'steps': steps}), flush=True)
    with torch.no_grad():
        for mean, value in zip(average, learned):
            value.copy_(mean)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pack', type=Path)
    parser.add_argument('cache', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--minutes', type=float, default=8)
    arguments = parser.parse_args()
    seed_everything(1)
    model, networks = read_weights(arguments.pack)
    names = [name for name, (_, _, size) in networks['generator'].items() if size == 2]
    learned = [model.get_parameter(name) for name in names]
    crops = Crops([arguments.cache])
    trained, held_out = part(crops, 'trained'), part(crops, 'held-out')
    with torch.no_grad():
        codes = encode(model, trained)
    before, base = [value.detach().clone() for value in learned], measure(model, codes, held_out)
    fine_tune(model, learned, trained, codes, 60 * arguments.minutes)
    scales = scales_of(model)
    differences = [(value.detach() - old) * scales.get(name, 1) for name, value, old in zip(names, learned, before)]
    if not all(torch.isfinite(difference).all() for difference in differences):
        sys.exit('the training diverged: give another clip')
    arguments.out.write_bytes(b''.join(d.contiguous().numpy().astype('<f4').tobytes() for d in differences))
    print(json.dumps({'base': base, 'personal': measure(model, codes, held_out)}), flush=True)


if __name__ == '__main__':
    main()
