"""Makes a pack of trained weights: `python3 -m lsr.export WEIGHTS PACK --name NAME`.

Writes encoder.onnx (once a person: references to layout and style codes) and generator.onnx (each frame)
with float16 weights and float32 arithmetic, and checks both against PyTorch in onnxruntime-node;
weights.json says where their weights lie. The motion basis and its tables are those of `--motion`
(default packs/warp: faces alone, as LSR uses no more). Seal the pack with tools/seal-pack.ts.
"""
import copy

import numpy as np
import torch
from torch import nn

from common.onnx_export import check, round_weights, say_rounding, write_graph
from common.pack import copy_motion, motion_pack_parser, write_manifest
from common.weights import FILE, load_trained, write_weights

from .layers import fold_scales
from .model import Lsr, Shape

OPSET = 13


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
        graphs[name] = write_graph(path, module, inputs_of(name, model.shape, rng), outputs, OPSET, axes, half)
        for count in (1, 4) if axes else (1,):
            inputs = inputs_of(name, model.shape, rng, count)
            check(path, module, inputs, outputs)
        if half:
            say_rounding(path, module, kind(full), inputs, outputs)
    write_weights(pack, stored, graphs)


def write_pack(model, pack, motion, half=True, **words):
    """All files of a pack, unsealed; `words` as of `common.pack.write_manifest`."""
    write_graphs(model, pack, half)
    write_manifest(pack, 'lsr', GRAPHS, copy_motion(motion, pack), size=model.shape.size, weights=FILE, **words)


def main():
    parser = motion_pack_parser(__doc__)
    parser.add_argument('--float32', action='store_true', help='store weights as float32: twice the size')
    arguments = parser.parse_args()
    model, _ = load_trained(arguments.weights, Lsr, Shape)
    write_pack(model, arguments.pack, arguments.motion, not arguments.float32, name=arguments.name,
               version=arguments.version, data=arguments.data)


if __name__ == '__main__':
    main()
