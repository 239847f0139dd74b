"""Fine-tunes a pack of Head2HeadFS on one person (Doukas et al. 2021, section 3.4): `python3 -m head2head.personalise
PACK CACHE OUT [--minutes 8]`, from training/, as `common/fine_tune.py` says.

CACHE holds crops and landmarks (`common/crops.py`) of three "people": `enrolment`, the references of a call,
`trained` and `held-out`. PACK/discriminator.pt holds the discriminators of the initialisation stage; without it the other
losses train alone. Gamma and beta (`modulation`) are among the weights of the generator.

The paper's h is the mean over all frames of the clip; a receiver's is that of four references, so half of the steps
see those and half others of the clip. A cache's frames are spread over the clip: they follow each other more slowly
than in a call.
"""
import sys

import numpy as np
import torch

from common.fine_tune import Tuned, box_weight, fine_tuning_arguments, finish, mean_measures, steps_for
from common.likeness import psnr, sharpness
from common.run import seed_everything
from tracker.points import regions

from .annotate import annotate
from .data import Sequences
from .objective import discriminator_loss, flow_of, generate, generator_terms
from .train import embedded
from .weights import read_judges, read_weights

ENROLMENT, TRAINED, HELD_OUT = 'enrolment', 'trained', 'held-out'
FRAMES, REFERENCES = 5, 4
RATE, BETAS = 5e-4, (0.5, 0.999)
OWN_REFERENCES = 0.5
FACTORS = {'perceptual': 10.0, 'mask': 10.0, 'mouth': 3.0, 'features': 10.0, 'adversarial': 1.0}
FEATURES = [regions()[name] for name in ('LIPS_OUTER', 'RIGHT_LIDS', 'LEFT_LIDS')]


def rows_of(sequences, person):
    clips = {**sequences.crops.train, **sequences.crops.held_out}
    return clips[(person, person)]


@torch.no_grad()
def style_of(model, sequences, rows):
    """The person's style (1 x M) by these references."""
    shown = np.stack([sequences.frame(row)[0][:3] for row in rows])
    return model.projection(model.embedder(torch.from_numpy(2 * shown - 1)).mean(0, keepdim=True))


@torch.no_grad()
def measure(model, sequences, style):
    """Means over the frames held out, made one after the other from black: dB of all, and of mouth and eyes; detail."""
    rows = rows_of(sequences, HELD_OUT)
    item = sequences.item((HELD_OUT, HELD_OUT), rows, len(rows) - 2, 1, np.random.default_rng(0), False)
    batch = {name: torch.from_numpy(np.asarray(value))[None] for name, value in item.items()}
    made = generate(model, batch, style).pictures[0]
    table = []
    for picture, target, row in zip(made, batch['target'][0], rows[2:]):
        a, b = (picture[None] + 1) / 2, (target[None] + 1) / 2
        geometry = sequences.frame(row)[1]
        weight = box_weight([geometry[part, :2] for part in FEATURES], sequences.size)[None]
        table.append([psnr(a, b), psnr(a, b, weight), sharpness(a, b)])
    return mean_measures(table)


def fine_tune(model, tuned, judges, sequences, minutes):
    """Trains the generator for so long; gives what its weights have changed by."""
    rng = np.random.default_rng(1)
    optimiser = torch.optim.Adam(tuned.weights, RATE, BETAS)
    judge_optimiser = judges and torch.optim.Adam(judges.parameters(), RATE, BETAS)
    own, rows = style_of(model, sequences, rows_of(sequences, ENROLMENT)), rows_of(sequences, TRAINED)
    for step, done in steps_for(minutes):
        optimiser.param_groups[0]['lr'] = RATE * min(1, 2 * (1 - done))
        style = own
        if rng.random() >= OWN_REFERENCES:
            style = style_of(model, sequences, rng.choice(rows, REFERENCES))
        batch = sequences.batch({(TRAINED, TRAINED): rows}, rng, 1, FRAMES, 1, False)
        made = generate(model, batch, style)
        flow = flow_of(batch['target']) if judges else {}
        terms = generator_terms(made, batch, judges, flow)
        optimiser.zero_grad(set_to_none=True)
        sum(FACTORS[name] * term for name, term in terms.items()).backward()
        optimiser.step()
        if judges:
            judge_optimiser.zero_grad(set_to_none=True)
            discriminator_loss(made, batch, judges, flow).backward()
            judge_optimiser.step()
        tuned.follow(step)
    return tuned.settle()


def main():
    arguments = fine_tuning_arguments(__doc__)
    seed_everything(1)
    model, networks = read_weights(arguments.pack)
    annotate(arguments.cache)
    sequences = Sequences([arguments.cache], model.shape.eyes, (ENROLMENT, HELD_OUT))
    judges = read_judges(arguments.pack, model.shape, embedded(model, sequences, 'cpu'))
    if judges is None:
        print(f'{arguments.pack} has no discriminators: fine-tuned without the adversarial losses', file=sys.stderr)
    tuned = Tuned(model, networks['generator'])
    style = style_of(model, sequences, rows_of(sequences, ENROLMENT))
    base = measure(model, sequences, style)
    differences = fine_tune(model, tuned, judges, sequences, arguments.minutes)
    finish(arguments.out, differences, base, lambda: measure(model, sequences, style))


if __name__ == '__main__':
    main()
