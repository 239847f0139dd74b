"""Fine-tunes a pack of Head2HeadFS on one person (Doukas et al. 2021, section 3.4): `python3 -m head2head.personalise
PACK CACHE OUT [--minutes 8]`, from training/. `visavis personalise` makes CACHE of a clip, and a personal pack of OUT.

CACHE holds crops and landmarks (`common/crops.py`) of three "people": `enrolment`, the references of a call,
`trained` and `held-out`, which is measured and never trained on. PACK/discriminator.pt holds the discriminators of the
initialisation stage; without it the other losses train alone. OUT gets what the binary16 weights of the generator have
become less what they were, gamma and beta (`modulation`) among them: float32, little-endian, in the order of the
pack's weights.json. On stdout one JSON object a line: `{"done": 0-1}` now and then, and at the end
`{"base": ..., "personal": ...}`.

The paper's h is the mean over all frames of the clip; a receiver's is that of four references, so half of the steps
see those and half others of the clip. A cache's frames are spread over the clip: they follow each other more slowly
than in a call.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from common.face_mesh import CROP_UNITS
from common.run import seed_everything
from portrait.losses import psnr, sharpness
from tracker.points import regions

from .annotate import annotate
from .data import Sequences
from .objective import discriminator_loss, flow_of, generate, generator_terms
from .train import embedded
from .weights import read_judges, read_weights

ENROLMENT, TRAINED, HELD_OUT = 'enrolment', 'trained', 'held-out'
FRAMES, REFERENCES = 5, 4
RATE, BETAS = 5e-4, (0.5, 0.999)
AVERAGE = 0.99
OWN_REFERENCES = 0.5
FACTORS = {'perceptual': 10.0, 'mask': 10.0, 'features': 10.0, 'adversarial': 1.0}
FEATURES = [regions()[name] for name in ('LIPS_OUTER', 'RIGHT_LIDS', 'LEFT_LIDS')]
MARGIN = 6  # crop units around them
SECONDS_BETWEEN_LINES = 1


def rows_of(sequences, person):
    clips = {**sequences.crops.train, **sequences.crops.held_out}
    return clips[(person, person)]


@torch.no_grad()
def style_of(model, sequences, rows):
    """The person's style (1 x M) by these references."""
    shown = np.stack([sequences.frame(row)[0][:3] for row in rows])
    return model.projection(model.embedder(torch.from_numpy(2 * shown - 1)).mean(0, keepdim=True))


def features_of(geometry, size):
    """1 x S x S: 2 in the boxes of the mouth and of the eyes, 1 elsewhere."""
    weight = torch.ones(1, size, size)
    for points in (geometry[part, :2] for part in FEATURES):
        box = np.concatenate([points.min(0) - MARGIN, points.max(0) + MARGIN])
        left, top, right, bottom = np.clip(np.round(box * size / CROP_UNITS), 0, size).astype(int)
        weight[:, top:bottom, left:right] = 2
    return weight


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
        weight = features_of(sequences.frame(row)[1], sequences.size)[None]
        table.append([psnr(a, b), psnr(a, b, weight), sharpness(a, b)])
    return dict(zip(('psnr', 'psnr_features', 'sharpness'), np.mean(table, 0).tolist()))


def trained_parameters(model, places):
    """Makes the binary16 weights of the generator trainable, and nothing else; gives them in the pack's order."""
    parameters = dict(model.named_parameters())
    wanted = [name for name, (_, _, size) in places.items() if size == 2]
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in wanted)
    return [parameters[name] for name in wanted]


def fine_tune(model, weights, judges, sequences, seconds):
    """Trains `weights` for so long; they end as their running average. Gives what they have changed by."""
    rng = np.random.default_rng(1)
    base = [weight.detach().clone() for weight in weights]
    average = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.Adam(weights, RATE, BETAS)
    judge_optimiser = judges and torch.optim.Adam(judges.parameters(), RATE, BETAS)
    own, rows = style_of(model, sequences, rows_of(sequences, ENROLMENT)), rows_of(sequences, TRAINED)
    began, told, done, steps = time.monotonic(), 0.0, 0.0, 0
    while done < 1:
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
        steps += 1
        with torch.no_grad():
            for weight, mean in zip(weights, average):
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pack', type=Path)
    parser.add_argument('cache', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--minutes', type=float, default=8)
    arguments = parser.parse_args()
    seed_everything(1)
    model, networks = read_weights(arguments.pack)
    annotate(arguments.cache)
    sequences = Sequences([arguments.cache], model.shape.eyes, (ENROLMENT, HELD_OUT))
    judges = read_judges(arguments.pack, model.shape, embedded(model, sequences, 'cpu'))
    if judges is None:
        print(f'{arguments.pack} has no discriminators: fine-tuned without the adversarial losses', file=sys.stderr)
    weights = trained_parameters(model, networks['generator'])
    style = style_of(model, sequences, rows_of(sequences, ENROLMENT))
    base = measure(model, sequences, style)
    differences = fine_tune(model, weights, judges, sequences, 60 * arguments.minutes)
    if not all(torch.isfinite(difference).all() for difference in differences):
        sys.exit('the training diverged: give another clip')
    personal = measure(model, sequences, style)
    arguments.out.write_bytes(b''.join(d.contiguous().numpy().astype('<f4').tobytes() for d in differences))
    print(json.dumps({'base': base, 'personal': personal}), flush=True)


if __name__ == '__main__':
    main()
