"""Fine-tunes a pack of FSTH on one person (Zakharov et al. 2019, section 3.3): `python3 -m fsth.personalise
PACK CACHE OUT [--minutes 8]`, from training/. `visavis personalise` makes CACHE of a clip, and a personal
pack of OUT.

CACHE holds crops and landmarks (`common/crops.py`) of three "people": `enrolment`, the references of a call,
`trained` and `held-out`, which is measured and never trained on. PACK/discriminator.pt is the
discriminator of the meta-learning; without it the content loss trains alone. OUT gets what the
binary16 weights of the generator have become less what they were: float32, little-endian, in the order of the
pack's weights.json. On stdout one JSON object a line: `{"done": 0-1}` now and then, and at the end
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

from common.contours import CROP_UNITS, LANDMARKS_68, draw_contours
from common.run import seed_everything
from portrait.losses import psnr, sharpness

from .blocks import fold, follow
from .losses import BETAS, adversarial, content, hinge
from .model import PersonalGenerator, discriminator_for, signed
from .weights import JUDGE, Packed, read_weights

POINTS = 478
BATCH = 4
# The paper's are 5e-5 and 2e-4 for 40 epochs; a narrow network in minutes takes more.
RATE, JUDGE_RATE = 5e-4, 5e-4
CONTENT, MATCHING = 100.0, 10.0
AVERAGE = 0.99
OWN_REFERENCES = 0.5  # share of the steps that see the enrolment's references, which a call has; else others
REFERENCES = 4
EYES, MOUTH = slice(36, 48), slice(48, 68)
MARGIN = 6  # crop units around them
SECONDS_BETWEEN_LINES = 1


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
    """1 x S x S: 2 in the boxes of the mouth and of the eyes, 1 elsewhere."""
    weight = torch.ones(1, size, size)
    points = landmarks[LANDMARKS_68, :2]
    for part in (points[EYES], points[MOUTH]):
        low, high = (part.min(0) - MARGIN, part.max(0) + MARGIN)
        (left, top), (right, bottom) = (np.clip(np.round(v * size / CROP_UNITS), 0, size).astype(int) for v in (low, high))
        weight[:, top:bottom, left:right] = 2
    return weight


@torch.no_grad()
def measure(generator, adaptive, part):
    """Means over pictures that were not trained on: dB of all, and of mouth and eyes; detail."""
    rows = []
    for picture, contours, weight in zip(*part):
        made = (generator(contours[None], adaptive) + 1) / 2
        rows.append([psnr(made, picture[None]), psnr(made, picture[None], weight[None]), sharpness(made, picture[None])])
    return dict(zip(('psnr', 'psnr_features', 'sharpness'), np.mean(rows, 0).tolist()))


def trained_parameters(personal, places):
    """Makes the binary16 weights of the generator trainable, and nothing else; gives them."""
    wanted = {name.removeprefix('generator.') for name, (_, _, size) in places.items() if size == 2}
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


def fine_tune(model, personal, parameters, judge, person, seconds):
    """Trains for so long; gives the running average of the generator (equations 9 and 10)."""
    rng = np.random.default_rng(1)
    pictures, contours, _ = person.parts['trained']
    enrolment = model.adapt(embedding_of(model, *person.parts['enrolment'][:2])).detach()
    average = copy.deepcopy(personal)
    optimiser = torch.optim.Adam(parameters, RATE, BETAS)
    judge_optimiser = judge and torch.optim.Adam(judge.parameters(), JUDGE_RATE, BETAS)
    began, told, done, steps = time.monotonic(), 0.0, 0.0, 0
    while done < 1:
        for group in optimiser.param_groups:
            group['lr'] = RATE * (0.5 + 0.5 * np.cos(np.pi * done))
        chosen = rng.choice(len(pictures), BATCH)
        adaptive = enrolment
        if rng.random() >= OWN_REFERENCES:
            others = rng.choice(len(pictures), REFERENCES)
            adaptive = model.adapt(embedding_of(model, pictures[others], contours[others])).detach()
        target, pose = signed(pictures[chosen]), contours[chosen]
        made = personal(pose, adaptive.expand(BATCH, -1))
        loss = CONTENT * content(made, target)
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
        steps += 1
        follow(average, personal, min(AVERAGE, steps / (steps + 10)))
        elapsed = time.monotonic() - began
        done = elapsed / seconds
        if elapsed - told > SECONDS_BETWEEN_LINES:
            told = elapsed
            print(json.dumps({'done': round(min(done, 1), 4), 'steps': steps}), flush=True)
    return average


def packed_weights(model, personal):
    """The folded weights of a pack whose generator is this one, by their names in weights.json."""
    whole = copy.deepcopy(model)
    whole.generator = copy.deepcopy(personal.generator)
    packed = Packed(whole)
    packed.generator.own.data.copy_(personal.own)
    return packed.state_dict()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pack', type=Path)
    parser.add_argument('cache', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--minutes', type=float, default=8)
    arguments = parser.parse_args()
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
    average = fine_tune(model, personal, parameters, judge, person, 60 * arguments.minutes)
    after = packed_weights(model, average)
    differences = [after[name] - before[name] for name, (_, _, size) in places.items() if size == 2]
    if not all(torch.isfinite(difference).all() for difference in differences):
        sys.exit('the training diverged: give another clip')
    tuned = measure(fold(copy.deepcopy(average)), adaptive, held_out)
    arguments.out.write_bytes(b''.join(d.contiguous().numpy().astype('<f4').tobytes() for d in differences))
    print(json.dumps({'base': base, 'personal': tuned}), flush=True)


if __name__ == '__main__':
    main()
