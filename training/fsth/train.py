"""Meta-learning of FSTH (Zakharov et al. 2019, section 3.2): `python3 -m fsth.train CONFIG.toml RUN
--cache FOLDER [--minutes N]`, from training/; `torchrun --nproc_per_node N -m fsth.train ...` for several
GPUs.

The FT variant, which can be fine-tuned, is the default; `match = 0.0` trains the FF variant (section 4). Goes on
where RUN's checkpoint stops. RUN/weights.pt is the running average of the weights and the discriminator.
"""
import argparse
import copy
import sys
import time
from dataclasses import dataclass, fields

import numpy as np
import torch

from common.crops import batches
from common.run import RunFolder, distributed, progress, read_config, seed_everything
from portrait.losses import psnr, sharpness, ssim_loss

from .blocks import follow, settle
from .data import Episodes
from .losses import BETAS, adversarial, content, hinge, match
from .model import Discriminator, Fsth, Shape, signed

LOG_EVERY = 50
CHECKPOINT_EVERY = 250
TERMS = ('content', 'realism', 'matching', 'match', 'judge')
MEASURES = ('psnr', 'ssim', 'sharpness')


@dataclass
class Config(Shape):
    """Settings of one experiment; those of `Shape` and these. The defaults are the paper's."""

    seed: int = 1
    steps: int = 1000000
    batch: int = 6             # of each process: 48 on eight
    references: int = 8        # K
    rate: float = 5e-5         # of embedder and generator
    judge_rate: float = 2e-4
    judge_updates: int = 2     # for each of the generator's
    content: float = 100.0     # of our stand-in: its gradient is then twice that of the realism
    realism: float = 1.0
    matching: float = 10.0
    match: float = 10.0        # 0: the FF variant
    average: float = 0.999     # of the weights that are kept; the paper says none
    final_rate: float = 1.0    # share of the rates that a half cosine ends with
    held_out: str = ''


def shape_of(config):
    return Shape(**{field.name: getattr(config, field.name) for field in fields(Shape)})


def with_gradients_of_all(network, processes):
    """Means of the gradients over the processes."""
    for parameter in network.parameters():
        if processes.world > 1 and parameter.grad is not None:
            torch.distributed.all_reduce(parameter.grad)
            parameter.grad /= processes.world


def update(optimiser, network, loss, processes):
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    with_gradients_of_all(network, processes)
    optimiser.step()


class Learner:
    """Networks of the meta-learning with their optimisers; `state` and `load` are its checkpoint."""

    def __init__(self, config, videos, processes):
        shape = shape_of(config)
        self.config, self.processes = config, processes
        self.model = Fsth(shape).to(processes.device)
        self.judge = Discriminator(shape, videos).to(processes.device)
        self.average = copy.deepcopy(self.model).eval()
        self.optimiser = torch.optim.Adam(self.model.parameters(), config.rate, BETAS)
        self.judge_optimiser = torch.optim.Adam(self.judge.parameters(), config.judge_rate, BETAS)
        self.parts = {'model': self.model, 'judge': self.judge, 'average': self.average,
                      'optimiser': self.optimiser, 'judge_optimiser': self.judge_optimiser}

    def state(self):
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load(self, state):
        for name, part in self.parts.items():
            part.load_state_dict(state[name])

    def share(self):
        """Gives all processes the first one's weights."""
        if self.processes.world > 1:
            for network in (self.model, self.judge, self.average):
                for tensor in [*network.parameters(), *network.buffers()]:
                    torch.distributed.broadcast(tensor.data, 0)

    def set_rates(self, step):
        c = self.config
        share = c.final_rate + (1 - c.final_rate) * (0.5 + 0.5 * np.cos(np.pi * min(1, step / c.steps)))
        self.optimiser.param_groups[0]['lr'] = c.rate * share
        self.judge_optimiser.param_groups[0]['lr'] = c.judge_rate * share

    def make(self, batch):
        """The pictures of a batch in [-1, 1], and the embeddings of its references."""
        embeddings = self.model.embed(batch['references'], batch['reference_contours'])
        return self.model(batch['target_contours'], embeddings.mean(1)), embeddings

    def judge_step(self, batch, made, embeddings):
        """One update of the discriminator on what was made of a batch; its loss (equation 6). W goes to the
        embeddings, too."""
        fake, _ = self.judge(made, batch['target_contours'], batch['video'])
        real, _ = self.judge(signed(batch['target']), batch['target_contours'], batch['video'])
        loss = hinge(fake, real)
        matched = match(embeddings.detach(), self.judge.videos[batch['video']])
        update(self.judge_optimiser, self.judge, loss + self.config.match * matched, self.processes)
        return loss

    def step(self, step, source):
        """One update of embedder and generator (equation 3) and `judge_updates` of the discriminator, the
        first on the same pictures; the terms by name."""
        self.set_rates(step)
        batch = next(source)
        made, embeddings = self.make(batch)
        terms = {'content': content(made, signed(batch['target'])),
                 'match': match(embeddings, self.judge.videos[batch['video']].detach()),
                 **adversarial(self.judge, made, signed(batch['target']), batch['target_contours'], batch['video'])}
        update(self.optimiser, self.model,
               sum(getattr(self.config, name) * term for name, term in terms.items()), self.processes)
        terms['judge'] = self.judge_step(batch, made.detach(), embeddings)
        for _ in range(1, self.config.judge_updates):
            batch = next(source)
            with torch.no_grad():
                made, embeddings = self.make(batch)
            self.judge_step(batch, made, embeddings)
        follow(self.average, self.model, min(self.config.average, (step + 1) / (step + 10)))
        return {name: float(term) for name, term in terms.items()}


@torch.no_grad()
def measure(make, episodes):
    """Means over episodes of what `make` of a batch, in [-1, 1], is worth; nothing of none."""
    rows = []
    for batch in episodes:
        made, target = (make(batch) + 1) / 2, batch['target']
        rows.append([psnr(made, target), 1 - float(ssim_loss(made, target, torch.ones_like(target[:, :1]))),
                     sharpness(made, target)])
    return dict(zip(MEASURES, np.mean(rows, 0).tolist())) if rows else {}


def evaluate(model, episodes, config, device):
    """`measure` of the feed-forward pictures of who is held out."""
    settle(model)
    make = lambda batch: model(batch['target_contours'],
                               model.embed(batch['references'], batch['reference_contours']).mean(1))
    return measure(make, episodes.held_out_batches(config.references, device))


def train(config, run, episodes, processes, minutes):
    learner = Learner(config, len(episodes.videos), processes)
    start, began, text, sums = 0, time.monotonic(), '', {}
    state = run.resume()
    if state:
        learner.load(state)
        start = state['step']
    learner.share()

    def over():
        """Whether the time is up, for all processes alike: none may wait for one that has left."""
        late = torch.tensor(float(minutes > 0 and time.monotonic() - began > 60 * minutes), device=processes.device)
        if processes.world > 1:
            torch.distributed.all_reduce(late)
        return bool(late)

    def save(step):
        run.save({'step': step, **learner.state()})
        run.save({'shape': vars(shape_of(config)), 'step': step, 'weights': learner.average.state_dict(),
                  'judge': {k: v for k, v in learner.judge.state_dict().items() if k != 'videos'}}, 'weights.pt')

    source = batches(episodes, config.seed, config.batch, lambda _: config.references,
                     start * config.judge_updates, processes.rank, processes.device)
    steps = range(start, config.steps)
    for step in progress(steps, config.steps, lambda: text, start) if processes.main else steps:
        for name, value in learner.step(step, source).items():
            sums.setdefault(name, []).append(value)
        done, last = step + 1, step + 1 == config.steps
        late = done % CHECKPOINT_EVERY == 0 or last
        if done % LOG_EVERY == 0 or last:
            means = {name: sum(values) / len(values) for name, values in sums.items()}
            text, sums = ' '.join(f'{name} {value:.3f}' for name, value in means.items()), {}
            score = evaluate(learner.average, episodes, config, processes.device) if late and processes.main else {}
            run.log(step=done, seconds=time.monotonic() - began, **{name: means.get(name, '') for name in TERMS},
                    **{name: score.get(name, '') for name in MEASURES})
            if score:
                print(done, {name: round(value, 3) for name, value in score.items()}, flush=True)
        stop = over()
        if late or stop:
            save(done)
        if stop:
            return


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('run')
    parser.add_argument('--cache', required=True, nargs='+', help='folders of the K-shot cache')
    parser.add_argument('--minutes', type=float, default=0)
    arguments = parser.parse_args()
    config = read_config(arguments.config, Config)
    processes = distributed()
    seed_everything(config.seed + processes.rank)
    run = RunFolder(arguments.run, config, processes.main)
    episodes = Episodes(arguments.cache, config.held_out.split())
    if episodes.size != config.size:
        sys.exit(f'the crops are of {episodes.size} pixels, the networks of {config.size}: make another cache')
    if not episodes.videos:
        sys.exit(f'{arguments.cache} holds nobody to train on')
    train(config, run, episodes, processes, arguments.minutes)


if __name__ == '__main__':
    main()
