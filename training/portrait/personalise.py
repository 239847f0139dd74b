"""Fine-tunes the generator of a pack on one person: `python3 -m portrait.personalise PACK CACHE OUT
[--minutes 8]`, from training/, as `common/fine_tune.py` says.

CACHE holds samples (`data.py`), those of the person `held-out` among them. `psnr_features` is what the network gains over
the warp there.
"""
import numpy as np
import torch

from common.fine_tune import Tuned, fine_tuning_arguments, finish, steps_for
from common.run import seed_everything

from .appearance import pack_basis
from .data import Cache
from .train import Config, evaluate, forward, losses
from .weights import read_weights

HELD_OUT = 'held-out'
# Whole pictures, since shoulders and hair are the person's own too; otherwise as the base was trained.
SETTINGS = {'batch': 2, 'crop': 256, 'rate': 2e-3, 'picture': 0.06, 'features': 0.03}
COUNT_SHARES = [0.1, 0.1, 0.1, 0.7]  # of 1-4 references: a call has four unless told otherwise
WARM_UP = 0.05  # share of the time
# How fast weights go back to the base's, a share of the learning rate.
PULL = 0.1


def relit(batch, rng):
    """Another brightness and white balance for all pictures of a batch: the next call has another light."""
    gain = torch.from_numpy(rng.uniform(0.92, 1.08) * rng.uniform(0.97, 1.03, (3, 1, 1))).float()
    for name in ('target', 'pictures'):
        batch[name] = (batch[name] * gain + rng.uniform(-0.03, 0.03)).clamp(0, 1)
    batch['residual'] = batch['residual'] * gain


def fine_tune(model, tuned, cache, config, minutes):
    """Trains the generator for so long; gives what its weights have changed by."""
    optimiser = torch.optim.Adam(tuned.weights, config.rate, (0.9, 0.99))
    rng = np.random.default_rng(config.seed)
    for step, done in steps_for(minutes):
        rate = config.rate * (0.5 + 0.5 * np.cos(np.pi * done)) * min(1, (done + 1e-3) / WARM_UP)
        optimiser.param_groups[0]['lr'] = rate
        count = int(rng.choice([1, 2, 3, 4], p=COUNT_SHARES))
        chosen = rng.choice(cache.train, config.batch)
        batch = cache.batch(chosen, rng, count, config.crop, augment=False)
        relit(batch, rng)
        terms = losses(forward(model, batch)[0], batch)
        optimiser.zero_grad(set_to_none=True)
        sum(getattr(config, name) * term for name, term in terms.items()).backward()
        torch.nn.utils.clip_grad_norm_(tuned.weights, 1.0)
        optimiser.step()
        with torch.no_grad():
            for weight, origin in zip(tuned.weights, tuned.base):
                weight.lerp_(origin, rate * PULL)
        tuned.follow(step)
    return tuned.settle()


def measured(model, cache, config):
    """What `train.evaluate` says, as `visavis personalise` reads it."""
    said = evaluate(model, cache, config, torch.device('cpu'))
    return {'psnr': said['warp_psnr'] + said['gain'], 'psnr_features': said['gain_features'],
            'sharpness': said['sharpness']}


def main():
    arguments = fine_tuning_arguments(__doc__)
    config = Config(**SETTINGS)
    seed_everything(config.seed)
    model, networks = read_weights(arguments.pack)
    model.to(memory_format=torch.channels_last)
    cache = Cache([arguments.cache], (HELD_OUT,), basis=pack_basis(arguments.pack))
    tuned = Tuned(model, networks['generator'])
    base = measured(model, cache, config)
    differences = fine_tune(model, tuned, cache, config, arguments.minutes)
    finish(arguments.out, differences, base, lambda: measured(model, cache, config))


if __name__ == '__main__':
    main()
