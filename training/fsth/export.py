"""Makes a pack of FSTH's trained weights: `python3 -m fsth.export RUN/weights.pt PACK --name NAME`.

Writes encoder.onnx (once a person: references to adaptive parameters) and generator.onnx (each frame),
spectral normalisation folded, float16 weights with float32 arithmetic, and checks both against PyTorch
in onnxruntime-node. The motion basis and its tables are those of `--motion` (default packs/warp). Writes
discriminator.pt too, which `visavis personalise` trains with; it stays out of the pack's files. Seal the
pack with tools/seal-pack.ts.
"""
import argparse
import copy
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from common.onnx_export import export, halve_weights, round_weights, run_in_node, write
from portrait.weights import FILE, write_weights

from .model import Discriminator, Fsth, Shape, signed
from .weights import JUDGE, Packed

OPSET = 13
TOLERANCE = 1e-3
REPOSITORY = Path(__file__).resolve().parents[2]


class EncoderGraph(nn.Module):
    """`pictures` and `contours` K x 3 x S x S, 0-1 -> `adaptive` 1 x A, of the mean embedding (equations 1, 7).
    P is linear: the mean of several runs' parameters is that of their mean embedding."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pictures, contours):
        embedding = self.model.embedder(signed(pictures), contours).mean(0, keepdim=True)
        return self.model.projection(embedding[:, :, None, None]).flatten(1)


class GeneratorGraph(nn.Module):
    """`contours` 1 x 3 x S x S, `adaptive` 1 x A -> `picture` 1 x 3 x S x S, 0-1."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, contours, adaptive):
        return (self.model.generator(contours, adaptive) + 1) / 2


def load(path):
    """The `Fsth` of a weights.pt of a run, and the file."""
    state = torch.load(path, map_location='cpu')
    model = Fsth(Shape(**state['shape']))
    model.load_state_dict(state['weights'])
    return model, state


def difference(made, wanted):
    return float(np.abs(made - wanted.numpy()).max())


@torch.no_grad()
def check(path, rounded, full, inputs, output):
    """Ends the program where the graph and the module of the same, rounded weights differ by more than
    TOLERANCE of the largest value, or of 1 where that is less; says what rounding to binary16 changes."""
    made = run_in_node(path, {name: value.numpy() for name, value in inputs.items()})[output]
    wanted = rounded(*inputs.values())
    error, largest = difference(made, wanted), max(1.0, float(wanted.abs().max()))
    print(f'{path.name} {output}: largest difference {error:.6f} of {float(wanted.abs().max()):.3f}; '
          f'to float32 weights {difference(made, full(*inputs.values())):.5f}')
    if not error < TOLERANCE * largest:
        sys.exit(f'{path}: {output} differs from PyTorch by {error}, more than {TOLERANCE}')


def graphs_of(full, rng):
    """Name, module, inputs, output and dynamic axes of each graph of a `Packed`."""
    s = full.shape
    uniform = lambda *dims: torch.from_numpy(rng.random(dims, 'f4'))
    references = lambda count: {name: uniform(count, 3, s.size, s.size) for name in ('pictures', 'contours')}
    count = full.generator.generator.adaptive_count
    return [
        ('encoder', EncoderGraph, [references(2), references(1), references(4)], 'adaptive',
         {'pictures': {0: 'k'}, 'contours': {0: 'k'}}),
        ('generator', GeneratorGraph,
         [{'contours': uniform(1, 3, s.size, s.size), 'adaptive': uniform(1, count) - 0.5}], 'picture', None),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights')
    parser.add_argument('pack', type=Path)
    parser.add_argument('--name', required=True)
    parser.add_argument('--version', default='1.0.0')
    parser.add_argument('--data', default='see README.md of the pack')
    parser.add_argument('--motion', type=Path, default=REPOSITORY / 'packs/warp')
    arguments = parser.parse_args()
    model, state = load(arguments.weights)
    pack = arguments.pack
    pack.mkdir(parents=True, exist_ok=True)
    full = Packed(model).eval()
    rounded = copy.deepcopy(full)
    round_weights(rounded)
    graphs = {}
    for name, kind, inputs, output, axes in graphs_of(full, np.random.default_rng(1)):
        path = pack / f'{name}.onnx'
        graphs[name] = export(kind(rounded), inputs[0], [output], OPSET, axes)
        halve_weights(graphs[name])
        write(graphs[name], path)
        for example in inputs:
            check(path, kind(rounded), kind(full), example, output)
    write_weights(pack, rounded, graphs)
    judge = Discriminator(model.shape, 0)
    judge.load_state_dict({**state['judge'], 'videos': judge.videos})
    torch.save(judge.state_dict(), pack / JUDGE)
    for file in ('basis.bin', 'tables.bin'):
        shutil.copyfile(arguments.motion / file, pack / file)
    manifest = {
        'format': 1, 'name': arguments.name, 'version': arguments.version, 'family': 'fsth',
        'protocol': 1, 'licence': 'MIT', 'trainingData': arguments.data,
        'motion': {'basis': 'basis.bin', 'tables': 'tables.bin'},
        'networks': {'encoder': 'encoder.onnx', 'generator': 'generator.onnx'}, 'size': model.shape.size,
        'weights': FILE,
        'files': {},
    }
    (pack / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')


if __name__ == '__main__':
    main()
