"""Makes a pack of trained weights: `python3 -m lsr.export WEIGHTS PACK --name NAME`.

Writes layout_encoder.onnx and style_encoder.onnx (once a person) and decoder.onnx (per frame) with
float16 weights and float32 arithmetic, and checks them against PyTorch in onnxruntime-node. The
motion basis and its tables are those of `--motion` (default packs/warp: faces alone, as LSR uses no
more). Seal the pack with tools/seal-pack.ts.
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

from .layers import fold_scales
from .model import Lsr, Shape

OPSET = 13
REPOSITORY = Path(__file__).resolve().parents[2]
LICENCE = 'MIT'


class EncoderGraph(nn.Module):
    """`pictures` and `contours` K x 3 x S x S, 0-1 -> `code` 1 x C, the mean over the K references."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures, contours):
        return (self.encoder(2 * pictures - 1, 2 * contours - 1).mean(0, keepdim=True),)


class DecoderGraph(nn.Module):
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


def graphs_of(model):
    """(name, module, names of outputs, dynamic axes) of each graph."""
    many = {'pictures': {0: 'k'}, 'contours': {0: 'k'}}
    return [('layout_encoder', EncoderGraph(model.layout_encoder), ['code'], many),
            ('style_encoder', EncoderGraph(model.style_encoder), ['code'], many),
            ('decoder', DecoderGraph(model), ['picture'], None)]


def inputs_of(name, shape, rng, count=4):
    uniform = lambda *dims: torch.from_numpy(rng.random(dims, 'f4'))
    side = shape.size
    if name == 'decoder':
        return {'contours': uniform(1, 3, side, side), 'layout': uniform(1, shape.code) - 0.5,
                'style': uniform(1, shape.code) - 0.5}
    return {name: uniform(count, 3, side, side) for name in ('pictures', 'contours')}


def write_graphs(model, pack, half=True):
    """Writes and checks a model's graphs; prints how far each is from PyTorch. The model stays as it is."""
    pack.mkdir(parents=True, exist_ok=True)
    plain = copy.deepcopy(model).eval()
    fold_scales(plain)
    stored = copy.deepcopy(plain)
    if half:
        round_weights(stored)
    rng = np.random.default_rng(1)
    for (name, module, outputs, axes), (_, exact, _, _) in zip(graphs_of(stored), graphs_of(plain)):
        graph = export(module, inputs_of(name, model.shape, rng), outputs, OPSET, axes)
        if half:
            halve_weights(graph)
        path = pack / f'{name}.onnx'
        write(graph, path)
        inputs = inputs_of(name, model.shape, rng)
        check(path, module, inputs, outputs)
        if half:
            with torch.no_grad():
                wanted = exact(*inputs.values())[0]
                error = float((module(*inputs.values())[0] - wanted).abs().max())
            print(f'{name}: float16 weights change {outputs[0]} by {error:.5f} of {float(wanted.abs().max()):.3f}')
        if name != 'decoder':
            check(path, module, inputs_of(name, model.shape, rng, 1), outputs)


def write_manifest(pack, name, version, licence, data, motion):
    """Copies the motion codec's files and writes a manifest without hashes."""
    for file in ('basis.bin', 'tables.bin'):
        shutil.copyfile(motion / file, pack / file)
    networks = {'layoutEncoder': 'layout_encoder.onnx', 'styleEncoder': 'style_encoder.onnx',
                'decoder': 'decoder.onnx'}
    manifest = {
        'format': 1, 'name': name, 'version': version, 'family': 'lsr', 'protocol': 1,
        'licence': licence, 'trainingData': data, 'motion': {'basis': 'basis.bin', 'tables': 'tables.bin'},
        'networks': networks, 'files': {},
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
    write_graphs(load(arguments.weights), arguments.pack, half=not arguments.float32)
    write_manifest(arguments.pack, arguments.name, arguments.version, LICENCE, arguments.data, arguments.motion)


if __name__ == '__main__':
    main()
