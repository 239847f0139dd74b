"""Makes a pack of FSTH's trained weights: `python3 -m fsth.export RUN/weights.pt PACK --name NAME`.

Writes encoder.onnx (once a person: references to adaptive parameters) and generator.onnx (each frame),
spectral normalisation folded, float16 weights with float32 arithmetic, and checks both against PyTorch
in onnxruntime-node. The motion basis and its tables are those of `--motion` (default packs/warp). Writes
discriminator.pt too, which `visavis personalise` trains with; it stays out of the pack's files. Seal the
pack with tools/seal-pack.ts.
"""
import copy

import numpy as np
import torch
from torch import nn

from common.onnx_export import check, round_weights, say_rounding, write_graph
from common.pack import copy_motion, motion_pack_parser, write_manifest
from common.weights import FILE, load_trained, write_weights

from .model import Discriminator, Fsth, Shape, signed
from .weights import JUDGE, Packed

OPSET = 13


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


def graphs_of(full, rng):
    """Name, module, inputs, outputs and dynamic axes of each graph of a `Packed`."""
    s = full.shape
    uniform = lambda *dims: torch.from_numpy(rng.random(dims, 'f4'))
    references = lambda count: {name: uniform(count, 3, s.size, s.size) for name in ('pictures', 'contours')}
    count = full.generator.generator.adaptive_count
    return [
        ('encoder', EncoderGraph, [references(2), references(1), references(4)], ['adaptive'],
         {'pictures': {0: 'k'}, 'contours': {0: 'k'}}),
        ('generator', GeneratorGraph,
         [{'contours': uniform(1, 3, s.size, s.size), 'adaptive': uniform(1, count) - 0.5}], ['picture'], None),
    ]


def main():
    arguments = motion_pack_parser(__doc__).parse_args()
    model, state = load_trained(arguments.weights, Fsth, Shape)
    pack = arguments.pack
    pack.mkdir(parents=True, exist_ok=True)
    full = Packed(model).eval()
    rounded = copy.deepcopy(full)
    round_weights(rounded)
    graphs = {}
    for name, kind, inputs, outputs, axes in graphs_of(full, np.random.default_rng(1)):
        path = pack / f'{name}.onnx'
        graphs[name] = write_graph(path, kind(rounded), inputs[0], outputs, OPSET, axes)
        for example in inputs:
            check(path, kind(rounded), example, outputs)
        say_rounding(path, kind(rounded), kind(full), inputs[0], outputs)
    write_weights(pack, rounded, graphs)
    judge = Discriminator(model.shape, 0)
    judge.load_state_dict({**state['judge'], 'videos': judge.videos})
    torch.save(judge.state_dict(), pack / JUDGE)
    write_manifest(pack, 'fsth', graphs, copy_motion(arguments.motion, pack), name=arguments.name, version=arguments.version,
                   data=arguments.data, size=model.shape.size, weights=FILE)


if __name__ == '__main__':
    main()
