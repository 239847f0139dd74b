"""Meta-learning of FSTH (Zakharov et al. 2019, section 3.2): `python3 -m fsth.train CONFIG.toml RUN
--cache FOLDER [--minutes N]`, from training/; `torchrun --nproc_per_node N -m fsth.train ...` for several
GPUs.

The FT variant, which can be fine-tuned, is the default; `match = 0.0` trains the FF variant (section 4). Goes on
where RUN's checkpoint stops. RUN/weights.pt is the running average of the weights and the discriminator.
"""
import copy
from dataclasses import dataclass

import numpy as np
import torch

from common.likeness import psnr, sharpness, ssim_loss
from common.run import part_of, read_config
from common.training import batches, begin, run_steps, training_parser

from .blocks import follow_network, settle
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


def update(optimiser, network, loss, processes):
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    processes.average_gradients(network.parameters())
    optimiser.step()


class Learner:
    """Networks of the meta-learning with their optimisers; `state` and `load` are its checkpoint."""

    def __init__(self, config, videos, processes):
        shape = part_of(config, Shape)
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
        terms = {'content': content(made, signed(batch['target']), batch['target_contours']),
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
        follow_network(self.average, self.model, min(self.config.average, (step + 1) / (step + 10)))
        return terms


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
    learner, start = Learner(config, len(episodes.videos), processes), 0
    state = run.resume()
    if state:
        learner.load(state)
        start = state['step']
    processes.broadcast(learner.model, learner.judge, learner.average)
    source = batches(lambda rng: episodes.batch(episodes.train, rng, config.batch, config.references), config.seed,
                     start * config.judge_updates, processes)

    def save(done):
        run.save({'step': done, **learner.state()})
        run.save({'shape': vars(part_of(config, Shape)), 'step': done, 'weights': learner.average.state_dict(),
                  'judge': {k: v for k, v in learner.judge.state_dict().items() if k != 'videos'}}, 'weights.pt')

    run_steps(lambda number: learner.step(number, source), save,
              lambda _: evaluate(learner.average, episodes, config, processes.device),
              run=run, processes=processes, minutes=minutes, start=start, end=config.steps,
              terms=TERMS, scores=MEASURES, log_every=LOG_EVERY, checkpoint_every=CHECKPOINT_EVERY)


def main():
    arguments = training_parser(__doc__).parse_args()
    config = read_config(arguments.config, Config)
    episodes = Episodes(arguments.cache, config.held_out.split())
    episodes.check(arguments.config, config.size)
    run, processes = begin(arguments.run, config)
    train(config, run, episodes, processes, arguments.minutes)


if __name__ == '__main__':
    main()
