"""Makes a pack of trained weights: `python3 -m portrait.export WEIGHTS PACK --name NAME`.

Writes encoder.onnx and generator.onnx (float16 weights, float32 arithmetic) and checks both against
PyTorch in onnxruntime-node, with one reference and with four; weights.json says where their weights
lie. The motion basis, its tables and the appearance basis are those of `--motion` (default
packs/portrait-256-cpu). Seal the pack with tools/seal-pack.ts.
"""
import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from common.onnx_export import export, halve_weights, round_weights, run_in_node, write

from .model import CONDITIONING, TRUST, Portrait, Shape
from .weights import FILE, write_weights

OPSET = 13
# Both compute with the weights that the file stores, so only the order of additions differs. Of the
# largest value where that is above 1: blend is a factor of up to e^6.
TOLERANCE = 1e-3
REPOSITORY = Path(__file__).resolve().parents[2]


class EncoderGraph(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pictures, conditioning):
        codes = self.model.encoder(pictures, conditioning)
        return tuple(code.mean(0, keepdim=True) * float(self.model.shape.use_codes) for code in codes)


class GeneratorGraph(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, warped, trust, conditioning, layout, style):
        return self.model.decode(warped, trust, conditioning, layout, style)


def load(path):
    """The model of a weights.pt file of a run."""
    state = torch.load(path, map_location='cpu')
    model = Portrait(Shape(**state['shape']))
    model.load_state_dict(state['weights'])
    return model.eval(), state


def inputs_of(count, code, rng):
    uniform = lambda *dims: torch.from_numpy(rng.random(dims, 'f4'))
    trust = torch.cat([torch.softmax(uniform(1, count, 1, 128, 128), 1),
                       2 * uniform(1, count, TRUST - 1, 128, 128) - 1], 2)
    return (
        {'pictures': uniform(count, 3, 128, 128), 'conditioning': uniform(count, CONDITIONING, 128, 128)},
        {'warped': uniform(1, count, 3, 256, 256), 'trust': trust,
         'conditioning': uniform(1, CONDITIONING, 128, 128),
         'layout': uniform(1, code) - 0.5, 'style': uniform(1, code) - 0.5},
    )


@torch.no_grad()
def check(path, module, inputs, names):
    """Ends the program where the graph and the module differ by more than TOLERANCE."""
    made = run_in_node(path, {name: value.numpy() for name, value in inputs.items()})
    for name, wanted in zip(names, module(*inputs.values())):
        error = float(np.abs(made[name] - wanted.numpy()).max())
        print(f'{path.name} {name}: largest difference {error:.5f} of {float(wanted.abs().max()):.3f}')
        if not error < TOLERANCE * max(1, float(wanted.abs().max())):
            sys.exit(f'{path}: {name} differs from PyTorch by {error}, more than {TOLERANCE}')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights')
    parser.add_argument('pack', type=Path)
    parser.add_argument('--name', required=True)
    parser.add_argument('--version', default='1.0.0')
    parser.add_argument('--data', default='see README.md of the pack')
    parser.add_argument('--motion', type=Path, default=REPOSITORY / 'packs/portrait-256-cpu')
    arguments = parser.parse_args()
    model, _ = load(arguments.weights)
    round_weights(model)
    pack = arguments.pack
    pack.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    parts = [
        ('encoder', EncoderGraph(model), ['layout', 'style'],
         {'pictures': {0: 'k'}, 'conditioning': {0: 'k'}}),
        ('generator', GeneratorGraph(model), ['flow', 'hold', 'blend', 'paint'],
         {'warped': {1: 'k'}, 'trust': {1: 'k'}, 'flow': {1: 'k'}, 'hold': {1: 'k'}, 'blend': {1: 'k'}}),
    ]
    graphs = {}
    for index, (name, module, outputs, axes) in enumerate(parts):
        path = pack / f'{name}.onnx'
        graph = export(module, inputs_of(4, model.shape.code, rng)[index], outputs, OPSET, axes)
        halve_weights(graph)
        write(graph, path)
        graphs[name] = graph
        for count in (1, 4):
            check(path, module, inputs_of(count, model.shape.code, rng)[index], outputs)
    write_weights(pack, model, graphs)
    if arguments.motion.resolve() != pack.resolve():
        for file in ('basis.bin', 'tables.bin', 'appearance.bin'):
            shutil.copyfile(arguments.motion / file, pack / file)
    manifest = {
        'format': 1, 'name': arguments.name, 'version': arguments.version, 'family': 'portrait',
        'protocol': 1, 'licence': 'MIT', 'trainingData': arguments.data,
        'motion': {'basis': 'basis.bin', 'tables': 'tables.bin', 'appearance': 'appearance.bin'},
        'networks': {'encoder': 'encoder.onnx', 'generator': 'generator.onnx'}, 'weights': FILE,
        'files': {},
    }
    (pack / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')


if __name__ == '__main__':
    main()
