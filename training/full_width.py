"""Packs of the published systems' networks at full width, of random weights: `python3 -m full_width FAMILY FOLDER`, where
FAMILY is one of fsth, lsr, head2head, fsrt and fsrt-small (the paper's small decoder).

Their pictures are noise; what they cost is that of trained ones, for `bench/families.ts --untrained`. Seal FOLDER with
tools/seal-pack.ts.
"""
import argparse
import importlib
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

# The family's package, its module of shapes and networks, and the name of its model.
FAMILIES = {
    'fsth': ('fsth', 'model', 'Fsth'),
    'lsr': ('lsr', 'model', 'Lsr'),
    'head2head': ('head2head', 'networks', 'Head2Head'),
    'fsrt': ('fsrt', 'model', 'Fsrt'),
    'fsrt-small': ('fsrt', 'model', 'Fsrt'),
}
NOISE = 0.01  # norms that are all equal would become one tensor of the graph


@torch.no_grad()
def state_of(name):
    """What a run's weights.pt holds of a model that was never trained."""
    package, module, kind = FAMILIES[name]
    networks = importlib.import_module(f'{package}.{module}')
    shapes = importlib.import_module('fsrt.shape') if package == 'fsrt' else networks
    shape = shapes.small_decoder() if name == 'fsrt-small' else shapes.Shape()
    torch.manual_seed(1)
    model = getattr(networks, kind)(shape)
    for weight in model.parameters():
        weight.add_(NOISE * torch.randn_like(weight))
    state = {'shape': asdict(shape), 'weights': model.state_dict()}
    if package == 'fsth':
        state['judge'] = networks.Discriminator(shape, 1).state_dict()
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('family', choices=FAMILIES)
    parser.add_argument('folder', type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / 'weights.pt'
        torch.save(state_of(arguments.family), weights)
        export = f'{FAMILIES[arguments.family][0]}.export'
        command = [sys.executable, '-m', export, weights, arguments.folder.resolve()]
        done = subprocess.run([*command, '--name', f'{arguments.family}-full', '--data', 'nothing: random weights'], check=False)
    sys.exit(done.returncode)


if __name__ == '__main__':
    main()
