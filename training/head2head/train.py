"""Trains Head2HeadFS (Doukas et al. 2021): `python3 -m head2head.train CONFIG.toml RUN --cache FOLDER
[--minutes N]`, from training/; `torchrun --nproc_per_node N -m head2head.train ...` for several GPUs.

The initialisation stage (section 3.3) by default, on many people; with `start_from = "RUN"` of such a training, and
a cache of one person, the fine-tuning stage (section 3.4): the embedder is asked once, its h becomes the discriminator's
row and, through the projections, the start of each norm's factors, which are trained from there on. Goes on where
RUN's checkpoint stops. The running average of the generator is RUN/weights.pt.
"""
import copy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from common.run import part_of, read_config
from common.training import batches, begin, follow, run_steps, training_parser

from .data import Sequences
from .discriminators import Discriminators
from .networks import Head2Head, Shape
from .objective import discriminator_loss, flow_of, generate, generator_terms, matching_term

LOG_EVERY = 50
CHECKPOINT_EVERY = 250
AVERAGE = 0.998
TERMS = ('perceptual', 'mask', 'mouth', 'adversarial', 'features', 'match', 'judge')
SCORES = ('psnr', 'iou')
EMBEDDED_AT_ONCE = 16  # pictures


@dataclass
class Config(Shape):
    """Settings of one experiment: those of `Shape` and these. The defaults are the paper's initialisation stage,
    with the rates of vid2vid, on which it builds; the fine-tuning stage takes 15 epochs."""

    seed: int = 1
    epochs: int = 20
    epoch_steps: int = 0      # steps of an epoch; 0: as many as sequences of the cache's crops
    batch: int = 1
    frames: int = 9           # of a sequence; 9 are the least for all three temporal scales
    references: int = 8       # M
    rate: float = 2e-4        # for the first half, then down to 0
    discriminators: int = 64  # width
    match: float = 10.0
    perceptual: float = 10.0
    features: float = 10.0
    mask: float = 10.0
    mouth: float = 3.0        # without discriminators, in D^M's place
    adversarial: float = 1.0
    adversarial_from: int = 0  # step
    augment: bool = False
    held_out: str = ''
    start_from: str = ''


def steps_of(config, sequences):
    """Steps of the whole training, and of an epoch."""
    crops = sum(len(rows) for rows in sequences.crops.train.values())
    each = config.epoch_steps or max(1, crops // (config.frames * config.batch))
    return config.epochs * each


def learning_rate(config, step, steps):
    return config.rate * min(1, 2 * (1 - step / steps))


class Networks:
    """What is trained, its optimisers and averages, in a stage's beginning."""

    def __init__(self, config, people, device):
        self.model = Head2Head(part_of(config, Shape)).to(device)
        self.judges = Discriminators(people, part_of(config, Shape), config.discriminators).to(device)
        self.style = None  # in fine-tuning, what the embedder says of the person

    def optimised(self, rate):
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(trained, rate, (0.5, 0.999))
        self.judge_optimiser = torch.optim.Adam(self.judges.parameters(), rate, (0.5, 0.999))
        self.average = copy.deepcopy(self.model)

    def state(self, step):
        return {'step': step, 'people': self.judges.image.people.num_embeddings, 'style': self.style,
                **{name: getattr(self, name).state_dict()
                   for name in ('model', 'judges', 'average', 'optimiser', 'judge_optimiser')}}

    def restore(self, state):
        self.style = state['style']
        for name in ('model', 'judges', 'average', 'optimiser', 'judge_optimiser'):
            getattr(self, name).load_state_dict(state[name])


@torch.no_grad()
def embedded(model, sequences, device):
    """h^new (equation 9): the mean over all crops of the cache, 1 x n_f."""
    model.eval()
    rows = [row for rows in sequences.crops.train.values() for row in rows]
    total = 0
    for at in range(0, len(rows), EMBEDDED_AT_ONCE):
        shown = np.stack([sequences.frame(row)[0][:3] for row in rows[at:at + EMBEDDED_AT_ONCE]])
        total = total + model.embedder(torch.from_numpy(2 * shown - 1).to(device)).sum(0, keepdim=True)
    model.train()
    return total / len(rows)


def begin_fine_tuning(networks, state, sequences, device):
    """Section 3.4: the networks of the first stage, and what replaces the embedder."""
    networks.model.load_state_dict(state['average'])
    judges = state['judges']
    h = embedded(networks.model, sequences, device)
    judges['image.people.weight'] = h.expand(networks.judges.image.people.num_embeddings, -1).clone()
    networks.judges.load_state_dict(judges)
    networks.style = networks.model.projection(h).detach()
    fine_tuned(networks.model)


def fine_tuned(model):
    """Marks what the fine-tuning stage trains: all of the generator, gamma and beta as `modulation`."""
    for part in (model.embedder, model.projection):
        part.requires_grad_(False)
    model.generator.modulation.requires_grad_(True)


@torch.no_grad()
def evaluate(model, style, sequences, config, device, most=24):
    """Of people held out: PSNR (dB) of the last picture of sequences, and the intersection over union of its mask."""
    if not sequences.crops.held_out:
        return {}
    model.eval()
    rng, rows = np.random.default_rng(0), []
    for _ in range(most):
        batch = sequences.batch(sequences.crops.held_out, rng, 1, config.frames, config.references, False)
        batch = {name: value.to(device) for name, value in batch.items()}
        own = style if style is not None else model.projection(model.embed(batch['references']))
        made = generate(model, batch, own)
        error = ((made.pictures[:, -1] - batch['target'][:, -1]) / 2).pow(2).mean()
        a, b = made.masks[:, -1] > 0.5, batch['mask'][:, -1] > 0.5
        rows.append([float(-10 * torch.log10(error + 1e-8)), float((a & b).sum() / (a | b).sum().clamp(min=1))])
    model.train()
    return dict(zip(SCORES, np.mean(rows, 0).tolist()))


def step_of(networks, batch, config, step, processes):
    """One step of all networks; the terms by name."""
    model, judges, style = networks.model, networks.judges, networks.style
    adversarial = config.adversarial > 0 and step >= config.adversarial_from
    h = None
    if style is None:
        h = model.embed(batch['references'])
        style = model.projection(h)
    made = generate(model, batch, style.expand(len(batch['nmfc']), -1))
    flow = flow_of(batch['target']) if adversarial else {}
    judges.requires_grad_(False)
    terms = generator_terms(made, batch, judges if adversarial else None, flow)
    if h is not None and adversarial:
        terms['match'] = matching_term(h, judges, batch['person'])
    networks.optimiser.zero_grad(set_to_none=True)
    sum(getattr(config, name) * term for name, term in terms.items()).backward()
    processes.average_gradients(model.parameters())
    networks.optimiser.step()
    judges.requires_grad_(True)
    if adversarial:
        networks.judge_optimiser.zero_grad(set_to_none=True)
        terms['judge'] = discriminator_loss(made, batch, judges, flow)
        terms['judge'].backward()
        processes.average_gradients(judges.parameters())
        networks.judge_optimiser.step()
    follow(networks.average.state_dict().values(), model.state_dict().values(), min(AVERAGE, (step + 1) / (step + 10)))
    return terms


def train(config, run, sequences, processes, minutes):
    state = run.resume()
    first = None if state or not config.start_from else first_stage(config)
    people = state['people'] if state else first['people'] if first else len(sequences.people)
    networks = Networks(config, people, processes.device)
    if first:
        begin_fine_tuning(networks, first, sequences, processes.device)
    elif config.start_from:
        fine_tuned(networks.model)
    networks.optimised(config.rate)
    if state:
        networks.restore(state)
    start = state['step'] if state else 0
    processes.broadcast(networks.model, networks.judges)
    steps = steps_of(config, sequences)
    source = batches(lambda rng: sequences.batch(sequences.crops.train, rng, config.batch, config.frames, config.references,
                                                 config.augment), config.seed, start, processes)

    def step(number):
        for optimiser in (networks.optimiser, networks.judge_optimiser):
            for group in optimiser.param_groups:
                group['lr'] = learning_rate(config, number, steps)
        return step_of(networks, next(source), config, number, processes)

    def save(done):
        run.save(networks.state(done))
        run.save({'shape': vars(part_of(config, Shape)), 'step': done, 'weights': networks.average.state_dict()}, 'weights.pt')

    run_steps(step, save, lambda _: evaluate(networks.average, networks.style, sequences, config, processes.device),
              run=run, processes=processes, minutes=minutes, start=start, end=steps,
              terms=TERMS, scores=SCORES, log_every=LOG_EVERY, checkpoint_every=CHECKPOINT_EVERY)


def first_stage(config):
    """The checkpoint of the initialisation stage, for networks of the same widths."""
    path = Path(config.start_from) / 'checkpoint.pt'
    if not path.exists():
        sys.exit(f'start_from: {config.start_from} has no checkpoint.pt: give the folder of an initialisation stage')
    state = torch.load(path, map_location='cpu')
    wanted = vars(part_of(config, Shape))
    given = torch.load(path.with_name('weights.pt'), map_location='cpu')['shape']
    if given != wanted:
        sys.exit(f'start_from: {config.start_from} is of another shape, {given}')
    return state


def main():
    arguments = training_parser(__doc__, 'folders of common/prepare.ts, annotated').parse_args()
    config = read_config(arguments.config, Config)
    sequences = Sequences(arguments.cache, config.eyes, config.held_out.split())
    sequences.crops.check(arguments.config, config.size)
    run, processes = begin(arguments.run, config)
    train(config, run, sequences, processes, arguments.minutes)


if __name__ == '__main__':
    main()
