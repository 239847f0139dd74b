"""Trains LSR: `python3 -m lsr.train CONFIG.toml RUN --cache FOLDER [--minutes N]`, from training/;
`torchrun --nproc_per_node N -m lsr.train ...` for several GPUs.

Two stages in one run (Meshry et al. 2021, A.1): `layout_steps` of layout pre-training (equation 2),
then the full pipeline with the cross-entropy off (equation 4). With `subject` the third stage, section
3.5: `start_from`'s networks learn that person's K references by heart, the codes stay as they were.
Goes on where RUN's checkpoint stops. RUN/weights.pt is the average of the weights.
"""
import copy
import sys
from dataclasses import dataclass

import numpy as np
import torch

from common.crops import Crops
from common.likeness import psnr, sharpness
from common.run import part_of, read_config
from common.training import batches, begin, follow, run_steps, training_parser

from .losses import (code_size, discriminator_loss, feature_weight, generator_adversarial, reconstruction,
                     segmentation)
from .model import Discriminator, Lsr, Shape
from .regions import label_map

LOG_EVERY = 50
CHECKPOINT_EVERY = 250
MOST_GRADIENT = 1.0  # each gradient is clipped to -1 to 1, as in the public code
TERMS = ('cross_entropy', 'auxiliary', 'l1', 'perceptual', 'adversarial', 'judge', 'code_size')
SCORES = ('psnr', 'psnr_features', 'baseline', 'sharpness')
FINAL_RATE = 0.01  # of the rate, at the end of the linear decay


@dataclass
class Config(Shape):
    """Settings of one experiment; those of `Shape` and these. Weights are the public code's, where its
    terms could be kept."""

    seed: int = 1
    steps: int = 30000
    layout_steps: int = 4000
    decay_steps: int = 2000   # over which the rate falls at the end; in the paper the last epoch's
    warm_steps: int = 500
    batch: int = 4
    references: int = 4       # K; each step draws 1 to K
    rate: float = 1e-3
    cross_entropy: float = 10.0
    auxiliary: float = 0.1    # lambda_R
    l1: float = 1.0
    perceptual: float = 1.0   # of what stands in for VGG19 and VGGFace
    adversarial: float = 1.0  # 0: no discriminator
    code_size: float = 1.0
    average: float = 0.998    # share of the averaged weights that a step keeps
    discriminator: int = 32   # its narrowest width
    held_out: str = ''
    start_from: str = ''      # weights.pt of an earlier run
    subject: str = ''         # person to fine-tune for; needs start_from


def signed(batch):
    """Pictures and contours of an episode as the networks see them, -1 to 1, and the target's regions."""
    keys = ('target', 'references', 'target_contours', 'reference_contours')
    seen = {name: 2 * batch[name] - 1 for name in keys}
    size = batch['target'].shape[-1]
    labels = [label_map(face, size) for face in batch['target_landmarks'].cpu().numpy()]
    seen['labels'] = torch.from_numpy(np.stack(labels)).to(batch['target'].device)
    return seen


def encode(model, batch):
    pair = batch['references'], batch['reference_contours']
    return model.encode(model.layout_encoder, *pair), model.encode(model.style_encoder, *pair)


def layout_terms(model, batch):
    """Equation 2: terms by the name of their weight in `Config`."""
    code = model.encode(model.layout_encoder, batch['references'], batch['reference_contours'])
    logits, picture = model.layout_generator(batch['target_contours'], code)
    l1, perceptual = reconstruction(picture, batch['target'], feature_weight(batch['labels']))
    return {'cross_entropy': segmentation(logits, batch['labels']), 'auxiliary': l1 + perceptual,
            'code_size': code_size(code)}


def full_terms(model, discriminator, batch, codes=None):
    """Equation 4, and the picture; without a discriminator its term is left out. `codes`: those of a
    subject, which stay as they are."""
    layout, style = codes or encode(model, batch)
    picture, _, _ = model.decode(batch['target_contours'], layout, style)
    l1, perceptual = reconstruction(picture, batch['target'], feature_weight(batch['labels']))
    terms = {'l1': l1, 'perceptual': perceptual}
    if discriminator:
        terms['adversarial'] = generator_adversarial(discriminator(picture, batch['target_contours']))
    if codes is None:
        terms['code_size'] = code_size(layout, style)
    return terms, picture


@torch.no_grad()
def evaluate(model, crops, config, device, most=24):
    """Means over people held out; `baseline` is the first reference shown instead. Nothing without them."""
    if not crops.held_out:
        return {}
    model.eval()
    rows = []
    for number in range(most):
        rng = np.random.default_rng([0, number])
        batch = crops.batch(crops.held_out, rng, 1, config.references, augment=False)
        batch = {name: value.to(device) for name, value in batch.items()}
        seen = signed(batch)
        made = ((model.decode(seen['target_contours'], *encode(model, seen))[0] + 1) / 2).clamp(0, 1)
        target, weight = batch['target'], feature_weight(seen['labels'])
        rows.append([psnr(made, target), psnr(made, target, weight), psnr(batch['references'][:, 0], target),
                     sharpness(made, target)])
    model.train()
    return dict(zip(SCORES, np.mean(rows, 0).tolist()))


def learning_rate(config, step):
    """Linear warm-up, constant, linear decay by a factor of 100 over the last `decay_steps`."""
    left = (config.steps - step) / max(config.decay_steps, 1)
    return config.rate * min(1, (step + 1) / config.warm_steps) * min(1, max(FINAL_RATE, left))


class Training:
    """Networks, optimisers and their state over the steps of one run."""

    def __init__(self, config, run, processes):
        self.config, self.run, self.processes = config, run, processes
        shape = part_of(config, Shape)
        self.model = Lsr(shape).to(processes.device)
        self.discriminator = Discriminator(shape, config.discriminator).to(processes.device)
        if config.start_from:
            state = torch.load(config.start_from, map_location='cpu')
            if state['shape'] != vars(shape):
                sys.exit(f'{config.start_from} is of another shape: {state["shape"]}')
            self.model.load_state_dict(state['weights'])
            self.discriminator.load_state_dict(state['discriminator'])
        self.average = copy.deepcopy(self.model)
        learned = self.model
        if config.subject:
            learned = torch.nn.ModuleList([self.model.layout_generator, self.model.image_generator])
        self.learned = list(learned.parameters())
        self.optimiser = torch.optim.Adam(self.learned, config.rate, (0, 0.999))
        self.judge_optimiser = torch.optim.Adam(self.discriminator.parameters(), config.rate, (0, 0.999))
        self.parts = {'model': self.model, 'average': self.average, 'discriminator': self.discriminator,
                      'optimiser': self.optimiser, 'judge_optimiser': self.judge_optimiser}
        state = run.resume()
        self.start = state['step'] if state else 0
        for name, part in self.parts.items():
            if state:
                part.load_state_dict(state[name])
        processes.broadcast(self.model, self.discriminator)

    def save(self, step):
        self.run.save({'step': step, **{name: part.state_dict() for name, part in self.parts.items()}})
        self.run.save({'shape': vars(part_of(self.config, Shape)), 'step': step, 'weights': self.average.state_dict(),
                       'discriminator': self.discriminator.state_dict()}, 'weights.pt')

    def descend(self, optimiser, parameters, loss, step):
        for group in optimiser.param_groups:
            group['lr'] = learning_rate(self.config, step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        used = [parameter for parameter in parameters if parameter.grad is not None]
        self.processes.average_gradients(used)
        torch.nn.utils.clip_grad_value_(used, MOST_GRADIENT)
        optimiser.step()

    def step(self, batch, step, codes=None):
        """One step; its terms, unweighted, by name."""
        config = self.config
        if codes is None and step < config.layout_steps:
            terms, picture = layout_terms(self.model, batch), None
        else:
            judged = config.adversarial > 0
            terms, picture = full_terms(self.model, self.discriminator if judged else None, batch, codes)
        loss = sum(getattr(config, name) * term for name, term in terms.items())
        self.descend(self.optimiser, self.learned, loss, step)
        if 'adversarial' in terms:
            judge = discriminator_loss(self.discriminator, batch['target'], picture, batch['target_contours'])
            self.descend(self.judge_optimiser, list(self.discriminator.parameters()), judge, step)
            terms['judge'] = judge
        follow(self.average.parameters(), self.model.parameters(), min(config.average, (step + 1) / (step + 10)))
        return terms


def subject_batches(crops, config, device):
    """Batches of one of the subject's K references each, and the function that gives the codes of all K."""
    clips = {clip: rows for clip, rows in crops.train.items() if clip[0] == config.subject}
    if not clips:
        sys.exit(f'the cache shows nobody called {config.subject}')
    rows = [row for own in clips.values() for row in own]
    chosen = [rows[i] for i in np.linspace(0, len(rows) - 1, min(config.references, len(rows))).astype(int)]
    episodes = [crops.episode(row, chosen) for row in chosen]
    batch = {name: torch.from_numpy(np.stack([e[name] for e in episodes])).to(device) for name in episodes[0]}
    return signed(batch), len(chosen)


def train(config, run, crops, processes, minutes):
    training = Training(config, run, processes)
    if config.subject:
        everything, count = subject_batches(crops, config, processes.device)
        with torch.no_grad():
            codes = [code[:1] for code in encode(training.model.eval(), everything)]
        step = lambda number: training.step({name: value[number % count][None] for name, value in everything.items()},
                                            number, codes)
    else:
        make = lambda rng: crops.batch(crops.train, rng, config.batch, 1 + int(rng.integers(config.references)))
        source = batches(make, config.seed, training.start, processes)
        step = lambda number: training.step(signed(next(source)), number)
    training.model.train()
    run_steps(step, training.save, lambda _: evaluate(training.average, crops, config, processes.device),
              run=run, processes=processes, minutes=minutes, start=training.start, end=config.steps,
              terms=TERMS, scores=SCORES, log_every=LOG_EVERY, checkpoint_every=CHECKPOINT_EVERY)


def main():
    arguments = training_parser(__doc__).parse_args()
    config = read_config(arguments.config, Config)
    if config.subject and not config.start_from:
        sys.exit(f'{arguments.config}: subject needs start_from, the weights that it begins with')
    crops = Crops(arguments.cache, config.held_out.split())
    crops.check(arguments.config, config.size)
    run, processes = begin(arguments.run, config)
    train(config, run, crops, processes, arguments.minutes)


if __name__ == '__main__':
    main()
