"""Trains FSRT: `python3 -m fsrt.train CONFIG.toml RUN --cache FOLDER --keypoints WEIGHTS [--minutes N]`, from
training/; `torchrun --nproc_per_node N -m fsrt.train ...` for several GPUs.

The keypoint detector is frozen (section 3.3): `--keypoints` is `fsrt.detector`'s weights or an earlier run's. Caches are
common/prepare.ts's, of the `size` of the configuration. Goes on where RUN's checkpoint stops.
"""
import argparse
import sys
import time
from dataclasses import dataclass, fields

import numpy as np
import torch

from common.crops import batches
from common.run import RunFolder, distributed, progress, read_config, seed_everything

from .beginning import begin
from .copying import aim, carry
from .episodes import Episodes
from .losses import Discriminator, judge_loss
from .model import Fsrt
from .phases import generator_terms, phase_of, whole_picture
from .shape import Shape

AIMED_BY = 32  # pictures
TERMS = ['mse', 'perceptual', 'adversarial', 'matching', 'augmentation', 'covariance', 'variance']


@dataclass
class Config(Shape):
    """Settings of one experiment; those of `Shape` and these. The defaults are the paper's."""

    seed: int = 1
    batch: int = 24                 # of all processes of the paper; here each process's
    sources: int = 1                # at most: each step's are drawn from 1 on
    warm_up: int = 200_000          # steps of phase I
    perceptual_steps: int = 300_000  # of phase II
    adversarial_steps: int = 500_000  # of phase III
    pixels: int = 4096              # phase I: pixels asked for
    face_pixels: float = 1.0        # and how many times likelier one near eyes or mouth is
    stride: int = 2                 # phases II, III: of so many pixels across and down one has a gradient (128^2 of 256^2)
    tile: int = 16384               # and so many at once are asked for without
    rate: float = 1e-4
    warm_rate_steps: int = 2500
    cool_down: int = 0              # last steps, over which the rate falls to nothing
    mse: float = 1.0
    perceptual: float = 0.01
    adversarial: float = 0.001
    matching: float = 0.01
    augmentation: float = 1.0
    covariance: float = 1.0
    variance: float = 0.2
    held_out: str = ''
    save_every: int = 500

    @property
    def steps(self):
        return self.warm_up + self.perceptual_steps + self.adversarial_steps


def shape_of(config):
    return Shape(**{field.name: getattr(config, field.name) for field in fields(Shape)})


def rate_at(config, step):
    """The learning rate of a step: up over `warm_rate_steps`, down over `cool_down`."""
    return config.rate * min(1, (step + 1) / config.warm_rate_steps, (config.steps - step) / max(1, config.cool_down))


def share_gradients(parameters, world):
    if world > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= world


@torch.no_grad()
def evaluate(model, crops, config, device, most=32):
    """dB of held out people's frames, whole pictures, and of the first source in their place; nothing where nobody is."""
    if not crops.held_out:
        return {}
    rng, random = np.random.default_rng(0), torch.Generator().manual_seed(0)
    model.eval()
    rows = []
    for _ in range(most):
        batch = crops.batch(crops.held_out, rng, 1, config.sources, augment=False)
        pictures = {name: batch[name].to(device) for name in ('references', 'target')}
        sources, target = pictures['references'], pictures['target']
        keypoints, expression = model.motion(torch.cat([sources[0], target]))
        latent = model.encoder(sources, keypoints[None, :-1], expression[None, :-1])
        asked = {'latent': latent, 'keypoints': keypoints[-1:], 'expression': expression[-1:], 'target': target}
        made = whole_picture(model, asked, config, random).clamp(0, 1)
        decibels = lambda a: float(-10 * torch.log10(((a - target) ** 2).mean() + 1e-8))
        rows.append([decibels(made), decibels(sources[:, 0])])
    model.train()
    return dict(zip(['psnr', 'source_psnr'], np.mean(rows, 0).tolist()))


def train(config, run, crops, processes, minutes, detector):
    model = Fsrt(shape_of(config)).to(processes.device)
    judge = Discriminator(config.keypoints).to(processes.device)
    optimiser = torch.optim.Adam(model.trained(), config.rate)
    judge_optimiser = torch.optim.Adam(judge.parameters(), config.rate, (0.5, 0.999))
    state, start = run.resume(), 0
    if state:
        for name, part in (('model', model), ('judge', judge), ('optimiser', optimiser),
                           ('judge_optimiser', judge_optimiser)):
            part.load_state_dict(state[name])
        start = state['step']
    else:
        begin(model)
        carry(model)
        model.keypoints.load_state_dict(detector)
        seen = crops.batch(crops.train, np.random.default_rng(config.seed), AIMED_BY, 1, augment=False)['target']
        aim(model.eval(), seen.to(processes.device))
    for tensor in model.keypoints.parameters():
        tensor.requires_grad_(False)
    if processes.world > 1:
        for network in (model, judge):
            for tensor in network.state_dict().values():
                torch.distributed.broadcast(tensor, 0)

    def save(step):
        run.save({'step': step, 'model': model.state_dict(), 'judge': judge.state_dict(),
                  'optimiser': optimiser.state_dict(), 'judge_optimiser': judge_optimiser.state_dict()})
        run.save({'shape': vars(shape_of(config)), 'step': step, 'weights': model.state_dict()}, 'weights.pt')

    def over():
        late = torch.tensor(float(time.monotonic() - began > 60 * minutes), device=processes.device)
        if processes.world > 1:
            torch.distributed.all_reduce(late)
        return bool(late)

    sums, began, text = {}, time.monotonic(), ''
    source = batches(crops, config.seed, config.batch, lambda rng: int(rng.integers(config.sources)) + 1, start, processes.rank,
                     processes.device)
    steps = range(start, config.steps)
    if processes.main:
        steps = progress(steps, config.steps, lambda: text, start)
    for step in steps:
        for each in (optimiser, judge_optimiser):
            for group in each.param_groups:
                group['lr'] = rate_at(config, step)
        random = torch.Generator().manual_seed((config.seed * 1_000_003 + step) * 64 + processes.rank)
        model.train()
        model.keypoints.eval()
        terms, shown = generator_terms(model, judge, next(source), config, step, random)
        optimiser.zero_grad(set_to_none=True)
        sum(getattr(config, name) * term for name, term in terms.items()).backward()
        share_gradients(model.trained(), processes.world)
        torch.nn.utils.clip_grad_norm_(model.trained(), 1.0)
        optimiser.step()
        if shown:
            judge_optimiser.zero_grad(set_to_none=True)
            terms['judge'] = judge_loss(judge, *shown)
            terms['judge'].backward()
            share_gradients(judge.parameters(), processes.world)
            judge_optimiser.step()
        for name, term in terms.items():
            sums.setdefault(name, []).append(float(term))
        last = step + 1 == config.steps
        if (step + 1) % config.save_every == 0 or last:
            means = {name: sum(values) / len(values) for name, values in sums.items()}
            text = ' '.join(f'{name} {value:.4f}' for name, value in means.items())
            sums = {}
            score = evaluate(model, crops, config, processes.device) if processes.main else {}
            run.log(step=step + 1, seconds=time.monotonic() - began, phase=phase_of(config, step),
                    **{name: means.get(name, '') for name in [*TERMS, 'judge']},
                    **{name: score.get(name, '') for name in ('psnr', 'source_psnr')})
            save(step + 1)
        if minutes and over():
            save(step + 1)
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('run')
    parser.add_argument('--cache', required=True, nargs='+', help='folders of common/prepare.ts')
    parser.add_argument('--keypoints', required=True, help='weights.pt of fsrt.detector')
    parser.add_argument('--minutes', type=float, default=0)
    arguments = parser.parse_args()
    config = read_config(arguments.config, Config)
    processes = distributed()
    seed_everything(config.seed)
    run = RunFolder(arguments.run, config, processes.main)
    crops = Episodes(arguments.cache, config.held_out.split())
    if crops.size != config.size:
        sys.exit(f'the cache has crops of {crops.size} pixels, {arguments.config} says size = {config.size}')
    if not crops.train:
        sys.exit(f'{arguments.cache} holds nobody to train on')
    detector = torch.load(arguments.keypoints, map_location='cpu')['keypoints']
    train(config, run, crops, processes, arguments.minutes, detector)


if __name__ == '__main__':
    main()
