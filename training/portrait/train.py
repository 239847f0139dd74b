"""Trains a `portrait` network: `python3 -m portrait.train CONFIG.toml RUN --cache FOLDER
[--minutes N]`, from training/; `torchrun --nproc_per_node N -m portrait.train ...` for several GPUs.

Goes on where RUN's checkpoint stops. The running average of the weights is RUN/weights.pt.
"""
import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from common.likeness import psnr, sharpness
from common.run import part_of, read_config
from common.training import batches, begin, follow, run_steps, training_parser

from .appearance import Basis
from .data import COUNT_SHARES, COUNTS, Cache
from .losses import Discriminator, picture_losses
from .model import FACE, Portrait, Shape, compose, full_share, sample, upsample
from .weights import read_weights

LOG_EVERY = 100
CHECKPOINT_EVERY = 500
AVERAGE = 0.998
TERMS = ('charbonnier', 'picture', 'features', 'laplacian', 'ssim', 'energy', 'code_size', 'adversarial', 'matching', 'judge')
SCORES = ('warp_psnr', 'gain', 'gain_features', 'warp_sharpness', 'sharpness')


@dataclass
class Config(Shape):
    """Settings of one experiment; those of `Shape` and these."""

    seed: int = 1
    steps: int = 20000
    batch: int = 4
    crop: int = 192
    rate: float = 1e-3
    final_rate: float = 2e-5
    charbonnier: float = 1.0
    picture: float = 0.03
    features: float = 0.02
    laplacian: float = 0.5
    ssim: float = 0.1
    energy: float = 1.0
    code_size: float = 1e-4
    adversarial: float = 0.0
    matching: float = 0.0
    adversarial_from: int = 0
    most_references: int = 4
    use_appearance: bool = True
    sources: str = ''
    held_out: str = ''
    start_from: str = ''  # weights.pt of an earlier run, or a pack's folder


def forward(model, batch):
    """The made pictures, the references as the geometry alone warps them, the person's codes."""
    pictures, positions, trust = batch['pictures'], batch['positions'], batch['trust']
    small = F.avg_pool2d(pictures.flatten(0, 1), 2).reshape(*pictures.shape[:3], 128, 128)
    codes = model.encode(small, batch['set_conditioning'], batch['present'])
    with torch.no_grad():
        warped = sample(pictures, positions)
        seen = (warped + batch['residual'][:, None]).clamp(0, 1)
    outputs = model.decode(seen, trust, batch['conditioning'], *codes)
    made = compose(pictures, positions, batch['pixels'], trust, batch['residual'], *outputs)
    return made, warped, codes


def losses(made, batch):
    """Terms of `picture_losses` by name."""
    face = upsample(batch['conditioning'][:, FACE:FACE + 1])
    return picture_losses(made, batch['target'], batch['weight'], face)


def random_batch(cache, config, shares, rng):
    """A batch of samples drawn by `shares`, of as many references as `COUNT_SHARES` says."""
    chosen = rng.choice(cache.train, config.batch, p=shares)
    count = min(config.most_references, int(rng.choice(COUNTS, p=COUNT_SHARES)))
    return cache.batch(chosen, rng, count, config.crop)


@torch.no_grad()
def evaluate(model, cache, config, device, most=96):
    """Means over people held out: what the warp alone gives, and what the network makes of it.
    Nothing where nobody is held out."""
    if not cache.held_out:
        return {}
    model.eval()
    rng = np.random.default_rng(0)
    step = max(1, len(cache.held_out) // most)
    rows = []
    for index in cache.held_out[::step]:
        batch = cache.batch([index], rng, config.most_references, augment=False)
        batch = {name: value.to(device) for name, value in batch.items()}
        made, warped, _ = forward(model, batch)
        made = made.clamp(0, 1)
        share = full_share(batch['trust'])[:, :, None]
        warp = (warped * share).sum(1) / share.sum(1).clamp(min=1e-6)
        target, weight = batch['target'], batch['weight']
        rows.append([psnr(warp, target), psnr(made, target) - psnr(warp, target),
                     psnr(made, target, weight) - psnr(warp, target, weight),
                     sharpness(warp, target), sharpness(made, target)])
    model.train()
    return dict(zip(SCORES, np.mean(rows, 0).tolist()))


def learning_rate(config, step):
    """Warm-up over 300 steps, then a half cosine."""
    half = 0.5 + 0.5 * np.cos(np.pi * min(1, step / config.steps))
    return (config.final_rate + (config.rate - config.final_rate) * half) * min(1, (step + 1) / 300)


def earlier_weights(path):
    if path.is_dir():
        return read_weights(path)[0].state_dict()
    return torch.load(path, map_location='cpu')['weights']


def train(config, run, cache, processes, minutes):
    shape = part_of(config, Shape)
    model = Portrait(shape).to(processes.device, memory_format=torch.channels_last)
    judge = Discriminator().to(processes.device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), config.rate, (0.9, 0.99))
    judge_optimiser = torch.optim.Adam(judge.parameters(), config.rate / 2, (0.5, 0.99))
    average = copy.deepcopy(model)
    parts = {'model': model, 'average': average, 'judge': judge, 'optimiser': optimiser, 'judge_optimiser': judge_optimiser}
    state, start = run.resume(), 0
    if state:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        start = state['step']
    elif config.start_from:
        weights = earlier_weights(Path(config.start_from))
        model.load_state_dict(weights)
        average.load_state_dict(weights)
    processes.broadcast(model, judge)
    shares = cache.shares(cache.train)
    source = batches(lambda rng: random_batch(cache, config, shares, rng), config.seed, start, processes)

    def step(number):
        rate = learning_rate(config, number)
        optimiser.param_groups[0]['lr'], judge_optimiser.param_groups[0]['lr'] = rate, rate * 0.5
        batch = next(source)
        made, warped, codes = forward(model, batch)
        target = batch['target']
        terms = losses(made, batch)
        terms['code_size'] = sum((code * code).mean() for code in codes)
        judged = config.adversarial > 0 and number >= config.adversarial_from
        if judged:
            beside = warped[:, 0]
            judge.requires_grad_(False)
            score, features = judge(made, beside)
            _, wanted = judge(target, beside)
            terms['adversarial'] = -score.mean()
            terms['matching'] = sum(F.l1_loss(a, b) for a, b in zip(features, wanted))
            judge.requires_grad_(True)
        loss = sum(getattr(config, name) * term for name, term in terms.items())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        processes.average_gradients(model.parameters())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if judged:
            judge_optimiser.zero_grad(set_to_none=True)
            real = F.relu(1 - judge(target, beside)[0]).mean()
            fake = F.relu(1 + judge(made.detach(), beside)[0]).mean()
            terms['judge'] = real + fake
            terms['judge'].backward()
            processes.average_gradients(judge.parameters())
            judge_optimiser.step()
        follow(average.parameters(), model.parameters(), min(AVERAGE, (number + 1) / (number + 10)))
        return terms

    def save(done):
        run.save({'step': done, **{name: part.state_dict() for name, part in parts.items()}})
        run.save({'shape': vars(shape), 'step': done, 'weights': average.state_dict()}, 'weights.pt')

    run_steps(step, save, lambda _: evaluate(average, cache, config, processes.device),
              run=run, processes=processes, minutes=minutes, start=start, end=config.steps,
              terms=TERMS, scores=SCORES, log_every=LOG_EVERY, checkpoint_every=CHECKPOINT_EVERY)


def main():
    arguments = training_parser(__doc__, 'folders of prepare.ts').parse_args()
    config = read_config(arguments.config, Config)
    basis = Basis() if config.use_appearance else None
    cache = Cache(arguments.cache, config.held_out.split(), config.sources.split(), basis)
    if not cache.train:
        sys.exit(f'{arguments.cache} holds no samples to train on that {arguments.config} admits')
    run, processes = begin(arguments.run, config)
    if processes.main and not cache.held_out:
        print('nobody is held out: the log will show no gain over the warp', file=sys.stderr)
    train(config, run, cache, processes, arguments.minutes)


if __name__ == '__main__':
    main()
