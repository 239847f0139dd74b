"""What every training here needs: seeds, a run's folder, a progress line, one process or several.

Works on Debian's PyTorch 1.13 without a GPU and on a current one with several, under `torchrun` or
without it. Nothing here is about faces.
"""
import csv
import json
import os
import random
import sys
import time
import tomllib
from dataclasses import asdict, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

SECONDS_BETWEEN_LINES = 60  # of progress where the output is a file
CHECKPOINT = 'checkpoint.pt'


def seed_everything(seed):
    """Seeds Python's, NumPy's and PyTorch's generators (all devices) with an integer of 0 or more."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Processes(NamedTuple):
    """This process among those that train together."""

    rank: int
    world: int
    device: torch.device

    @property
    def main(self):
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def broadcast(self, *networks):
        """Gives all processes the first one's parameters and buffers."""
        if self.world > 1:
            for network in networks:
                for tensor in network.state_dict().values():
                    torch.distributed.broadcast(tensor, 0)

    def average_gradients(self, parameters):
        """Replaces gradients by their means over the processes."""
        if self.world > 1:
            for parameter in parameters:
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad /= self.world

    def any(self, value):
        """Whether it is so in one of the processes. All must ask: none may wait for one that has left."""
        count = torch.tensor(float(value), device=self.device)
        if self.world > 1:
            torch.distributed.all_reduce(count)
        return bool(count)


def distributed():
    """Joins the processes that `torchrun` started, or stands alone without it.

    Each takes the GPU of its local rank; without GPUs, gradients travel over gloo.
    """
    world = int(os.environ.get('WORLD_SIZE', 1))
    device = torch.device('cpu')
    if torch.cuda.is_available():
        device = torch.device('cuda', int(os.environ.get('LOCAL_RANK', 0)))
        torch.cuda.set_device(device)
    if world == 1:
        return Processes(0, 1, device)
    torch.distributed.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    return Processes(torch.distributed.get_rank(), world, device)


def read_config(path, kind):
    """A TOML file as an instance of the dataclass `kind`; a wrong name or type ends the program."""
    with open(path, 'rb') as file:
        values = tomllib.load(file)
    types = {field.name: field.type for field in fields(kind)}
    for name, value in values.items():
        if name not in types:
            sys.exit(f'{path}: there is no setting {name}; settings are {", ".join(types)}')
        if types[name] is float and type(value) is int:
            values[name] = value = float(value)
        if isinstance(types[name], type) and type(value) is not types[name]:
            sys.exit(f'{path}: {name} must be of type {types[name].__name__}')
    return kind(**values)


def part_of(config, kind):
    """The settings of a configuration that are those of the dataclass `kind`, of which it is a subclass."""
    return kind(**{field.name: getattr(config, field.name) for field in fields(kind)})


class RunFolder:
    """The folder of one run: `config.json`, `log.csv`, checkpoints. Only rank 0 writes.

    `config` is a dataclass or a dictionary. A folder that holds a run of another configuration is
    refused, so that a resumed run is one experiment.
    """

    def __init__(self, path, config, main=True):
        self.path = Path(path)
        self.main = main
        text = json.dumps(config if isinstance(config, dict) else asdict(config), indent=2) + '\n'
        copy = self.path / 'config.json'
        if copy.exists() and copy.read_text() != text:
            sys.exit(f'{copy} is of another configuration; give this run a folder of its own')
        if main and not copy.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            # Whole at once: another process may be reading it.
            part = copy.with_suffix('.part')
            part.write_text(text)
            os.replace(part, copy)

    def log(self, **values):
        """Appends a row to `log.csv`; the first row's names are the columns."""
        if not self.main:
            return
        path = self.path / 'log.csv'
        header = path.open(newline='').readline().strip().split(',') if path.exists() else None
        with path.open('a', newline='') as file:
            writer = csv.DictWriter(file, header or list(values), restval='')
            if not header:
                writer.writeheader()
            writer.writerow({k: f'{v:.6g}' if type(v) is float else v for k, v in values.items()})

    def save(self, state, name=CHECKPOINT):
        """Writes a checkpoint (tensors, numbers, strings, and lists and dictionaries of them) whole or not at all."""
        if not self.main:
            return
        path = self.path / name
        part = path.with_suffix('.part')
        torch.save(state, part)
        os.replace(part, path)

    def load(self, name=CHECKPOINT):
        """A checkpoint on the CPU, or None where there is none."""
        path = self.path / name
        if not path.exists():
            return None
        # Whole pickles, since PyTorch 1.13's safe reader knows no fractions: load your own files only.
        return torch.load(path, map_location='cpu', weights_only=False)

    def resume(self):
        """As `load`; the log's rows after the checkpoint's `step` are dropped, for they will be written again."""
        state = self.load()
        path = self.path / 'log.csv'
        if self.main and path.exists():
            with path.open(newline='') as file:
                reader = csv.DictReader(file)
                step = state['step'] if state else 0
                rows = [row for row in reader if int(row['step']) <= step]
            with path.open('w', newline='') as file:
                writer = csv.DictWriter(file, reader.fieldnames)
                writer.writeheader()
                writer.writerows(rows)
        return state


def progress(iterable, total, text, done=0):
    """Yields from `iterable` and shows a line on stderr: share, rate, time left, text.

    `text` is a string or a function that gives one; `done` counts items of an earlier run.
    """
    start = shown = time.monotonic()
    terminal = sys.stderr.isatty()
    for count, item in enumerate(iterable, 1):
        yield item
        now = time.monotonic()
        if now - shown < (0.2 if terminal else SECONDS_BETWEEN_LINES) and done + count < total:
            continue
        shown = now
        rate = count / max(now - start, 1e-9)
        left = max(total - done - count, 0) / rate
        words = text() if callable(text) else text
        line = (f'{100 * (done + count) / total:5.1f} %  {done + count}/{total}  {rate:.1f}/s  '
                f'{int(left // 60)}:{int(left % 60):02d} left  {words}')
        print(f'\r\x1b[K{line}' if terminal else line, end='' if terminal else '\n',
              file=sys.stderr, flush=True)
    if terminal:
        print(file=sys.stderr)
