"""Fine-tunes the generator of a pack on one person: `python3 -m portrait.personalise PACK CACHE OUT
[--minutes 8]`, from training/. `visavis personalise` makes CACHE of a clip, and a personal pack of OUT.

PACK is the base's folder. Of CACHE, samples of the person `held-out` are measured, never trained on.
OUT gets what the binary16 weights of the generator have become less what they were: float32,
little-endian, in the order of the pack's weights.json. On stdout one JSON object a line:
`{"done": 0-1}` now and then, and at the end `{"base": ..., "personal": ...}`, each `{"psnr", "psnr_features",
"sharpness"}`; that of the features is what the network gains over the warp there.
"""
import argparse
import copy
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from common.run import seed_everything

from .appearance import pack_basis
from .data import Cache
from .train import Config, evaluate, forward, losses
from .weights import read_weights

HELD_OUT = 'held-out'
# Whole pictures, since shoulders and hair are the person's own too; otherwise as the base was trained.
SETTINGS = {'batch': 2, 'crop': 256, 'rate': 2e-3, 'picture': 0.06, 'features': 0.03}
COUNT_SHARES = [0.1, 0.1, 0.1, 0.7]  # of 1-4 references: a call has four unless told otherwise
AVERAGE = 0.99
WARM_UP = 0.05  # share of the time
# How fast weights go back to the base's, a share of the learning rate.
PULL = 0.1
SECONDS_BETWEEN_LINES = 1


def trained_weights(model, places):
    """The parameters that a personal pack can change: binary16 ones of the generator's graph."""
    parameters = dict(model.named_parameters())
    wanted = [parameters[name] for name, (_, _, size) in places['generator'].items() if size == 2]
    for parameter in model.parameters():
        parameter.requires_grad_(any(parameter is one for one in wanted))
    return wanted


def relit(batch, rng):
    """Another brightness and white balance for all pictures of a batch: the next call has another light."""
    gain = torch.from_numpy(rng.uniform(0.92, 1.08) * rng.uniform(0.97, 1.03, (3, 1, 1))).float()
    for name in ('target', 'pictures'):
        batch[name] = (batch[name] * gain + rng.uniform(-0.03, 0.03)).clamp(0, 1)
    batch['residual'] = batch['residual'] * gain


def fine_tune(model, weights, cache, config, seconds):
    """Trains `weights` of the model for so long; they end as their running average."""
    base = [weight.detach().clone() for weight in weights]
    average = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.Adam(weights, config.rate, (0.9, 0.99))
    rng = np.random.default_rng(config.seed)
    began = time.monotonic()
    told = done = steps = 0
    while done < 1:
        rate = config.rate * (0.5 + 0.5 * np.cos(np.pi * done)) * min(1, (done + 1e-3) / WARM_UP)
        optimiser.param_groups[0]['lr'] = rate
        count = int(rng.choice([1, 2, 3, 4], p=COUNT_SHARES))
        chosen = rng.choice(cache.train, config.batch)
        batch = cache.batch(chosen, rng, count, config.crop, augment=False)
        relit(batch, rng)
        terms = losses(forward(model, batch)[0], batch)
        optimiser.zero_grad(set_to_none=True)
        sum(getattr(config, name) * term for name, term in terms.items()).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        steps += 1
        with torch.no_grad():
            for weight, origin, mean in zip(weights, base, average):
                weight.lerp_(origin, rate * PULL)
                mean.lerp_(weight, 1 - min(AVERAGE, steps / (steps + 10)))
        elapsed = time.monotonic() - began
        done = elapsed / seconds
        if elapsed - told > SECONDS_BETWEEN_LINES:
            told = elapsed
            print(json.dumps({'done': round(min(done, 1), 4), 'steps': steps}), flush=True)
    with torch.no_grad():
        for weight, mean in zip(weights, average):
            weight.copy_(mean)
    return [mean - origin for mean, origin in zip(average, base)]


def measured(model, cache, config):
    """What `train.evaluate` says, as `visavis personalise` reads it."""
    said = evaluate(model, cache, config, torch.device('cpu'))
    return {'psnr': said['warp_psnr'] + said['gain'], 'psnr_features': said['gain_features'],
            'sharpness': said['sharpness']}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pack', type=Path)
    parser.add_argument('cache', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--minutes', type=float, default=8)
    arguments = parser.parse_args()
    config = Config(**SETTINGS)
    seed_everything(config.seed)
    with torch.no_grad():
        model, places = read_weights(arguments.pack)
    model.to(memory_format=torch.channels_last)
    cache = Cache([arguments.cache], (HELD_OUT,), basis=pack_basis(arguments.pack))
    weights = trained_weights(model, places)
    before = measured(model, cache, config)
    differences = fine_tune(model, weights, cache, config, 60 * arguments.minutes)
    if not all(torch.isfinite(difference).all() for difference in differences):
        sys.exit('the training diverged: give another clip')
    after = measured(model, cache, config)
    arguments.out.write_bytes(b''.join(d.contiguous().numpy().astype('<f4').tobytes() for d in differences))
    print(json.dumps({'base': before, 'personal': after}), flush=True)


if __name__ == '__main__':
    main()
