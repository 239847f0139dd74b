"""Fine-tunes a pack of LSR on one person (Meshry et al. 2021, section 3.5): `python3 -m lsr.personalise
PACK CACHE OUT [--minutes 8]`, from training/, as `common/fine_tune.py` says.

As in the paper the codes are those of the base and both generators learn; unlike there they learn from a
minute of the person, not from the K references alone, and without a discriminator, which packs do not hold.

CACHE holds crops and landmarks (`common/crops.py`) of three "people": `enrolment`, the references of a call,
`trained` and `held-out`.
"""
import numpy as np
import torch

from common.crops import Crops
from common.fine_tune import Tuned, fine_tuning_arguments, finish, mean_measures, steps_for
from common.likeness import psnr, sharpness
from common.run import seed_everything

from .losses import feature_weight, reconstruction
from .train import encode, signed
from .weights import read_weights, scales_of

BATCH = 4
RATE = 1e-3
OWN_REFERENCES = 0.5  # share of the steps that see the enrolment's codes, which a call has; else others'
REFERENCES = 4


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
    return mean_measures(rows)


def fine_tune(model, tuned, trained, codes, minutes):
    """Trains both generators for so long; gives what their weights have changed by."""
    rng = np.random.default_rng(1)
    optimiser = torch.optim.Adam(tuned.weights, RATE, (0, 0.999))
    weight, count = feature_weight(trained['labels']), len(trained['target'])
    for step, done in steps_for(minutes):
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
        tuned.follow(step)
    return tuned.settle()


def main():
    arguments = fine_tuning_arguments(__doc__)
    seed_everything(1)
    model, networks = read_weights(arguments.pack)
    tuned = Tuned(model, networks['generator'])
    crops = Crops([arguments.cache])
    trained, held_out = part(crops, 'trained'), part(crops, 'held-out')
    with torch.no_grad():
        codes = encode(model, trained)
    base = measure(model, codes, held_out)
    changes = fine_tune(model, tuned, trained, codes, arguments.minutes)
    scales = scales_of(model)
    differences = [change * scales.get(name, 1) for name, change in zip(tuned.names, changes)]
    finish(arguments.out, differences, base, lambda: measure(model, codes, held_out))


if __name__ == '__main__':
    main()
