"""What the trainings of the families share: their command line, batches prepared ahead, averages, the loop over the
steps with its log, checkpoints and time."""
import argparse
import itertools
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from .run import RunFolder, distributed, progress, seed_everything

AHEAD = 3  # batches


def training_parser(description, cache='folders of common/prepare.ts'):
    """The arguments of every training: `config`, `run`, `cache` (a list) and `minutes` (0: to the end)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('config')
    parser.add_argument('run')
    parser.add_argument('--cache', required=True, nargs='+', help=cache)
    parser.add_argument('--minutes', type=float, default=0)
    return parser


def begin(path, config):
    """The run's folder and the processes that train together; each is seeded by `config.seed` and its rank."""
    processes = distributed()
    seed_everything(config.seed + processes.rank)
    return RunFolder(path, config, processes.main), processes


def batches(make, seed, start, processes):
    """Endless batches, dictionaries of tensors, that `make` of a NumPy generator gives in a thread of its own; they depend
    on seed, rank and step alone. `start`: the first step. The executor ends its thread before Python ends, which a daemon's
    in PyTorch's code does not outlive: the process aborts."""
    worker, steps = ThreadPoolExecutor(1), itertools.count(start)
    prepare = lambda: worker.submit(make, np.random.default_rng([seed, processes.rank, next(steps)]))
    ahead = deque(prepare() for _ in range(AHEAD))
    while True:
        ahead.append(prepare())
        yield {name: value.to(processes.device) for name, value in ahead.popleft().result().items()}


@torch.no_grad()
def follow(average, values, keep):
    """Moves running averages on, of which they keep the share `keep`; of whole numbers it is the last. Both are tensors
    in the same order."""
    for mean, value in zip(average, values):
        mean.lerp_(value, 1 - keep) if mean.is_floating_point() else mean.copy_(value)


def run_steps(step, save, evaluate, *, run, processes, minutes, start, end, terms, scores, log_every, checkpoint_every):
    """Trains from step `start` up to `end`, or until so many minutes are over (0: never).

    `step(n)` takes step n and gives its terms by name; `save(done)` writes a checkpoint after `done` steps; `evaluate(done)`
    gives scores by name, or none, and is asked by the main process alone. Every `log_every` steps the log gets the terms' means,
    every `checkpoint_every`, a multiple of it, scores too, and a checkpoint is written. `terms` and `scores`: the log's columns.
    """
    began, sums, text = time.monotonic(), {}, ''
    steps = range(start, end)
    if processes.main:
        steps = progress(steps, end, lambda: text, start)
    for number in steps:
        for name, term in step(number).items():
            sums.setdefault(name, []).append(float(term))
        done = number + 1
        late = done % checkpoint_every == 0 or done == end
        if done % log_every == 0 or done == end:
            means = {name: sum(values) / len(values) for name, values in sums.items()}
            text, sums = ' '.join(f'{name} {value:.4f}' for name, value in means.items()), {}
            score = evaluate(done) if late and processes.main else {}
            run.log(step=done, seconds=time.monotonic() - began, **{name: means.get(name, '') for name in terms},
                    **{name: score.get(name, '') for name in scores})
            if score:
                print(done, {name: round(value, 3) for name, value in score.items()}, flush=True)
        stop = minutes > 0 and processes.any(time.monotonic() - began > 60 * minutes)
        if late or stop:
            save(done)
        if stop:
            return
