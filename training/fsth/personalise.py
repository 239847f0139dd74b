"""Fine-tunes a pack of FSTH on one person (Zakharov et al. 2019, section 3.3): `python3 -m fsth.personalise
PACK CACHE OUT [--minutes 8]`, from training/, as `common/fine_tune.py` says.

CACHE holds crops and landmarks (`common/crops.py`) of three "people": `enrolment`, the references of a call,
`trained` and `held-out`. PACK/discriminator.pt is the discriminator of the meta-learning; without it the content loss
trains alone.
"""
import copy
import json
import sys

import numpy as np
import torch

from common.contours import LANDMARKS_68, draw_contours
from common.fine_tune import (box_weight, fine_tuning_arguments, finish, mean_measures, packed_names, share_kept,
                              steps_for)
from common.likeness import psnr, sharpness
from common.run import seed_everything

from .blocks import fold, follow_network
from .losses import BETAS, adversarial, content, hinge
from .model import PersonalGenerator, discriminator_for, signed
from .weights import JUDGE, Packed, read_weights

POINTS = 478
BATCH = 4
# The paper's are 5e-5 and 2e-4 for 40 epochs; a narrow network in minutes takes more.
RATE, JUDGE_RATE = 5e-4, 5e-4
CONTENT, MATCHING = 100.0, 10.0
OWN_REFERENCES = 0.5  # share of the steps that see the enrolment's references, which a call has; else others
REFERENCES = 4
EYES, MOUTH = slice(36, 48), slice(48, 68)


class Person:
    """Pictures N x 3 x S x S, 0-1, contours and landmarks of a cache by "person"."""

    def __init__(self, folder):
        index = json.loads((folder / 'index.json').read_text())
        size, names = index['size'], [entry['person'] for entry in index['entries']]
        pictures = np.fromfile(folder / 'crops.bin', 'u1').reshape(-1, 3, size, size)
        landmarks = np.fromfile(folder / 'landmarks.bin', '<f4').reshape(-1, POINTS, 3)
        self.parts = {}
        for name in dict.fromkeys(names):
            rows = [i for i, own in enumerate(names) if own == name]
            contours = np.stack([draw_contours(landmarks[i], size) for i in rows])
            self.parts[name] = (torch.from_numpy(pictures[rows].astype('f4') / 255), torch.from_numpy(contours),
                                torch.stack([features_of(landmarks[i], size) for i in rows]))


def features_of(landmarks, size):
    """As of `box_weight`, of the eyes together and of the mouth."""
    points = landmarks[LANDMARKS_68, :2]
    return box_weight((points[EYES], points[MOUTH]), size)


@torch.no_grad()
def measure(generator, adaptive, part):
    """Means over pictures that were not trained on: dB of all, and of mouth and eyes; detail."""
    rows = []
    for picture, contours, weight in zip(*part):
        made = (generator(contours[None], adaptive) + 1) / 2
        rows.append([psnr(made, picture[None]), psnr(made, picture[None], weight[None]), sharpness(made, picture[None])])
    return mean_measures(rows)


def trained_parameters(personal, places):
    """Makes the binary16 weights of the generator trainable, and nothing else; gives them."""
    wanted = {name.removeprefix('generator.') for name in packed_names(places)}
    chosen = []
    for name, parameter in personal.named_parameters():
        packed = name.replace('.parametrizations.weight.original', '.weight')
        parameter.requires_grad_(packed in wanted)
        if packed in wanted:
            chosen.append(parameter)
    return chosen


@torch.no_grad()
def embedding_of(model, pictures, contours):
    """The mean embedding of pictures N x 3 x S x S (equation 7), 1 x `most`."""
    parts = [model.embed(p[None], c[None])[0] for p, c in zip(pictures.split(BATCH), contours.split(BATCH))]
    return torch.cat(parts).mean(0, keepdim=True)


def fine_tune(model, personal, parameters, judge, person, minutes):
    """Trains for so long; gives the running average of the generator (equations 9 and 10)."""
    rng = np.random.default_rng(1)
    pictures, contours, _ = person.parts['trained']
    enrolment = model.adapt(embedding_of(model, *person.parts['enrolment'][:2])).detach()
    average = copy.deepcopy(personal)
    optimiser = torch.optim.Adam(parameters, RATE, BETAS)
    judge_optimiser = judge and torch.optim.Adam(judge.parameters(), JUDGE_RATE, BETAS)
    for step, done in steps_for(minutes):
        for group in optimiser.param_groups:
            group['lr'] = RATE * (0.5 + 0.5 * np.cos(np.pi * done))
        chosen = rng.choice(len(pictures), BATCH)
        adaptive = enrolment
        if rng.random() >= OWN_REFERENCES:
            others = rng.choice(len(pictures), REFERENCES)
            adaptive = model.adapt(embedding_of(model, pictures[others], contours[others])).detach()
        target, pose = signed(pictures[chosen]), contours[chosen]
        made = personal(pose, adaptive.expand(BATCH, -1))
        loss = CONTENT * content(made, target, pose)
        if judge:
            terms = adversarial(judge, made, target, pose)
            loss = loss + terms['realism'] + MATCHING * terms['matching']
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if judge:
            judge_optimiser.zero_grad(set_to_none=True)
            hinge(judge(made.detach(), pose)[0], judge(target, pose)[0]).backward()
            judge_optimiser.step()
        follow_network(average, personal, share_kept(step))
    return average


def packed_weights(model, personal):
    """The folded weights of a pack whose generator is this one, by their names in weights.json."""
    whole = copy.deepcopy(model)
    whole.generator = copy.deepcopy(personal.generator)
    packed = Packed(whole)
    packed.generator.own.data.copy_(personal.own)
    return packed.state_dict()


def main():
    arguments = fine_tuning_arguments(__doc__)
    seed_everything(1)
    model, networks = read_weights(arguments.pack)
    places = networks['generator']
    person = Person(arguments.cache)
    judge = None
    if (arguments.pack / JUDGE).exists():
        # Tensors alone: a pack may be anybody's.
        state = torch.load(arguments.pack / JUDGE, map_location='cpu', weights_only=True)
        # Equation 7, and w' = w0 + e-hat_NEW.
        judge = discriminator_for(embedding_of(model.eval(), *person.parts['trained'][:2])[0], state, model.shape)
    else:
        print(f'{arguments.pack} has no {JUDGE}: fine-tuned without the adversarial loss', file=sys.stderr)
    model.eval()
    personal = PersonalGenerator(model.generator).train()
    held_out, enrolment = person.parts['held-out'], person.parts['enrolment']
    adaptive = model.adapt(embedding_of(model, *enrolment[:2])).detach()
    before = packed_weights(model, personal)
    base = measure(personal.eval(), adaptive, held_out)
    parameters = trained_parameters(personal.train(), places)
    average = fine_tune(model, personal, parameters, judge, person, arguments.minutes)
    after = packed_weights(model, average)
    differences = [after[name] - before[name] for name in packed_names(places)]
    finish(arguments.out, differences, base, lambda: measure(fold(copy.deepcopy(average)), adaptive, held_out))


if __name__ == '__main__':
    main()
