"""Trains a `portrait` network: `python3 -m portrait.train CONFIG.toml RUN --cache FOLDER
[--minutes N]`, from training/; `torchrun --nproc_per_node N -m portrait.train ...` for several GPUs.

Goes on where RUN's checkpoint stops. The best average of the weights is RUN/weights.pt.
"""
import argparse
import copy
import queue
import sys
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from common.run import RunFolder, distributed, progress, read_config, seed_everything

from .appearance import Basis
from .data import COUNT_SHARES, COUNTS, Cache
from .losses import Discriminator, picture_losses, psnr, sharpness
from .model import FACE, Portrait, Shape, compose, full_share, sample, upsample
from .weights import read_weights

LOG_EVERY = 100
CHECKPOINT_EVERY = 500
AVERAGE = 0.998


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


def shape_of(config):
    return Shape(**{field.name: getattr(config, field.name) for field in fields(Shape)})


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


def batches(cache, config, processes, start):
    """Endless batches, prepared in a thread of their own; they depend on the step alone."""
    shares = cache.shares(cache.train)
    made = queue.Queue(3)

    def work():
        step = start
        while True:
            rng = np.random.default_rng([config.seed, processes.rank, step])
            chosen = rng.choice(cache.train, config.batch, p=shares)
            count = min(config.most_references, int(rng.choice(COUNTS, p=COUNT_SHARES)))
            made.put(cache.batch(chosen, rng, count, config.crop))
            step += 1

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield {name: value.to(processes.device) for name, value in made.get().items()}


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
    names = ['warp_psnr', 'gain', 'gain_features', 'warp_sharpness', 'sharpness']
    return dict(zip(names, np.mean(rows, 0).tolist()))


def learning_rate(config, step):
    """Warm-up over 300 steps, then a half cosine."""
    half = 0.5 + 0.5 * np.cos(np.pi * min(1, step / config.steps))
    return (config.final_rate + (config.rate - config.final_rate) * half) * min(1, (step + 1) / 300)


def earlier_weights(path):
    if path.is_dir():
        return read_weights(path)[0].state_dict()
    return torch.load(path, map_location='cpu')['weights']


def train(config, run, cache, processes, minutes):
    model = Portrait(shape_of(config)).to(processes.device, memory_format=torch.channels_last)
    judge = Discriminator().to(processes.device, memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), config.rate, (0.9, 0.99))
    judge_optimiser = torch.optim.Adam(judge.parameters(), config.rate / 2, (0.5, 0.99))
    average = copy.deepcopy(model)
    state = run.resume()
    start = 0
    if state:
        model.load_state_dict(state['model'])
        average.load_state_dict(state['average'])
        judge.load_state_dict(state['judge'])
        optimiser.load_state_dict(state['optimiser'])
        judge_optimiser.load_state_dict(state['judge_optimiser'])
        start = state['step']
    elif config.start_from:
        weights = earlier_weights(Path(config.start_from))
        model.load_state_dict(weights)
        average.load_state_dict(weights)
    if processes.world > 1:
        for network in (model, judge):
            for tensor in [*network.parameters(), *network.buffers()]:
                torch.distributed.broadcast(tensor.data, 0)

    def share_gradients(network):
        if processes.world > 1:
            for parameter in network.parameters():
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad /= processes.world

    def over():
        """Whether the time is up, for all processes alike: none may wait for one that has left."""
        late = torch.tensor(float(time.monotonic() - began > 60 * minutes), device=processes.device)
        if processes.world > 1:
            torch.distributed.all_reduce(late)
        return bool(late)

    def save(step):
        run.save({'step': step, 'model': model.state_dict(), 'average': average.state_dict(),
                  'judge': judge.state_dict(), 'optimiser': optimiser.state_dict(),
                  'judge_optimiser': judge_optimiser.state_dict()})
        run.save({'shape': vars(shape_of(config)), 'step': step, 'weights': average.state_dict()},
                 'weights.pt')

    sums, began, text = {}, time.monotonic(), ''
    source = batches(cache, config, processes, start)
    steps = range(start, config.steps)
    if processes.main:
        steps = progress(steps, config.steps, lambda: text, start)
    for step in steps:
        for optimiser_ in (optimiser, judge_optimiser):
            for group in optimiser_.param_groups:
                group['lr'] = learning_rate(config, step) * (1 if optimiser_ is optimiser else 0.5)
        batch = next(source)
        made, warped, codes = forward(model, batch)
        target = batch['target']
        terms = losses(made, batch)
        terms['code_size'] = sum((code * code).mean() for code in codes)
        if config.adversarial > 0 and step >= config.adversarial_from:
            beside = warped[:, 0]
            for parameter in judge.parameters():
                parameter.requires_grad_(False)
            score, features = judge(made, beside)
            _, wanted = judge(target, beside)
            terms['adversarial'] = -score.mean()
            terms['matching'] = sum(F.l1_loss(a, b) for a, b in zip(features, wanted))
            for parameter in judge.parameters():
                parameter.requires_grad_(True)
        loss = sum(getattr(config, name) * term for name, term in terms.items())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        share_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if 'adversarial' in terms:
            judge_optimiser.zero_grad(set_to_none=True)
            real = F.relu(1 - judge(target, beside)[0]).mean()
            fake = F.relu(1 + judge(made.detach(), beside)[0]).mean()
            (real + fake).backward()
            share_gradients(judge)
            judge_optimiser.step()
            terms['judge'] = real + fake
        with torch.no_grad():
            for mean, value in zip(average.parameters(), model.parameters()):
                mean.lerp_(value, 1 - min(AVERAGE, (step + 1) / (step + 10)))
        for name, term in terms.items():
            sums.setdefault(name, []).append(float(term))
        last = step + 1 == config.steps
        if (step + 1) % LOG_EVERY == 0 or last:
            means = {name: sum(values) / len(values) for name, values in sums.items()}
            text = ' '.join(f'{name} {value:.4f}' for name, value in means.items())
            sums = {}
            late = (step + 1) % CHECKPOINT_EVERY == 0 or last
            score = evaluate(average, cache, config, processes.device) if late and processes.main else {}
            columns = ['charbonnier', 'picture', 'features', 'laplacian', 'ssim', 'energy', 'code_size',
                       'adversarial', 'matching', 'judge']
            run.log(step=step + 1, seconds=time.monotonic() - began,
                    **{name: means.get(name, '') for name in columns},
                    **{name: score.get(name, '') for name in
                       ('warp_psnr', 'gain', 'gain_features', 'warp_sharpness', 'sharpness')})
            if late:
                save(step + 1)
                if processes.main:
                    print(step + 1, {name: round(value, 3) for name, value in score.items()}, flush=True)
        if minutes and over():
            save(step + 1)
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('run')
    parser.add_argument('--cache', required=True, nargs='+', help='folders of prepare.ts')
    parser.add_argument('--minutes', type=float, default=0)
    arguments = parser.parse_args()
    config = read_config(arguments.config, Config)
    processes = distributed()
    seed_everything(config.seed + processes.rank)
    run = RunFolder(arguments.run, config, processes.main)
    basis = Basis() if config.use_appearance else None
    cache = Cache(arguments.cache, config.held_out.split(), config.sources.split(), basis)
    if not cache.train:
        sys.exit(f'{arguments.cache} holds no samples to train on that {arguments.config} admits')
    if processes.main and not cache.held_out:
        print('nobody is held out: the log will show no gain over the warp', file=sys.stderr)
    train(config, run, cache, processes, arguments.minutes)


if __name__ == '__main__':
    main()
