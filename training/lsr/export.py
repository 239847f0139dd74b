"""Makes a pack of trained weights: `python3 -m lsr.export WEIGHTS PACK --name NAME`.

Writes encoder.onnx (once a person: references to layout and style codes) and generator.onnx (each frame)
with float16 weights and float32 arithmetic, and checks both against PyTorch in onnxruntime-node;
weights.json says where their weights lie. The motion basis and its tables are those of `--motion`
(default packs/warp: faces alone, as LSR uses no more). Seal the pack with tools/seal-pack.ts.
"""
import argparse
import copy
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from common.onnx_export import export, halve_weights, round_weights, write
from portrait.export import check
from portrait.weights import FILE, write_weights

from .layers import fold_scales
from .model import Lsr, Shape

OPSET = 13
REPOSITORY = Path(__file__).resolve().parents[2]


class EncoderGraph(nn.Module):
    """`pictures` and `contours` K x 3 x S x S, 0-1 -> `layout` and `style` 1 x C, means over the K references."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pictures, contours):
        seen = 2 * pictures - 1, 2 * contours - 1
        encoders = self.model.layout_encoder, self.model.style_encoder
        return tuple(encoder(*seen).mean(0, keepdim=True) for encoder in encoders)


class GeneratorGraph(nn.Module):
    """`contours` 1 x 3 x S x S, 0-1, `layout` and `style` 1 x C -> `picture` 1 x 3 x S x S, about 0-1."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, contours, layout, style):
        return ((self.model.decode(2 * contours - 1, layout, style)[0] + 1) / 2,)


def load(path):
    """The model of a weights.pt file of a run."""
    state = torch.load(path, map_location='cpu')
    model = Lsr(Shape(**state['shape']))
    model.load_state_dict(state['weights'])
    return model.eval()


GRAPHS = {
    'encoder': (EncoderGraph, ['layout', 'style'], {'pictures': {0: 'k'}, 'contours': {0: 'k'}}),
    'generator': (GeneratorGraph, ['picture'], None),
}


def inputs_of(name, shape, rng, count=4):
    uniform = lambda *dims: torch.from_numpy(rng.random(dims, 'f4'))
    side = shape.size
    if name == 'encoder':
        return {name: uniform(count, 3, side, side) for name in ('pictures', 'contours')}
    codes = {name: uniform(1, shape.code) - 0.5 for name in ('layout', 'style')}
    return {'contours': uniform(1, 3, side, side), **codes}


@torch.no_grad()
def write_graphs(model, pack, half=True):
    """Writes and checks a model's graphs; prints how far each is from PyTorch. The model stays as it is."""
    pack.mkdir(parents=True, exist_ok=True)
    full = copy.deepcopy(model).eval()
    fold_scales(full)
    stored = copy.deepcopy(full)
    if half:
        round_weights(stored)
    rng = np.random.default_rng(1)
    graphs = {}
    for name, (kind, outputs, axes) in GRAPHS.items():
        module, path = kind(stored), pack / f'{name}.onnx'
        graphs[name] = export(module, inputs_of(name, model.shape, rng), outputs, OPSET, axes)
        if half:
            halve_weights(graphs[name])
        write(graphs[name], path)
        for count in (1, 4) if axes else (1,):
            inputs = inputs_of(name, model.shape, rng, count)
            check(path, module, inputs, outputs)
        if half:
            wanted = kind(full)(*inputs.values())
            errors = [float((a - b).abs().max()) for a, b in zip(module(*inputs.values()), wanted)]
            print(f'{name}.onnx: binary16 weights change {", ".join(outputs)} by at most {max(errors):.5f}')
    write_weights(pack, stored, graphs)


def write_manifest(pack, shape, name, version, licence, data, motion):
    """Copies the motion codec's files and writes a manifest without hashes."""
    for file in ('basis.bin', 'tables.bin'):
        shutil.copyfile(motion / file, pack / file)
    manifest = {
        'format': 1, 'name': name, 'version': version, 'family': 'lsr', 'protocol': 1,
        'licence': licence, 'trainingData': data, 'motion': {'basis': 'basis.bin', 'tables': 'tables.bin'},
        'networks': {'encoder': 'encoder.onnx', 'generator': 'generator.onnx'}, 'size': shape.size,
        'weights': FILE, 'files': {},
    }
    (pack / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights')
    parser.add_argument('pack', type=Path)
    parser.add_argument('--name', required=True)
    parser.add_argument('--version', default='1.0.0')
    parser.add_argument('--data', default='see README.md of the pack')
    parser.add_argument('--motion', type=Path, default=REPOSITORY / 'packs/warp')
    parser.add_argument('--float32', action='store_true', help='store weights as float32: twice the size')
    arguments = parser.parse_args()
    model = load(arguments.weights)
    write_graphs(model, arguments.pack, half=not arguments.float32)
    write_manifest(arguments.pack, model.shape, arguments.name, arguments.version, 'MIT', arguments.data,
                   arguments.motion)


if __name__ == '__main__':
    main()
