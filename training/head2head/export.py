"""Makes a pack of trained weights: `python3 -m head2head.export WEIGHTS PACK --name NAME`.

Writes embedder.onnx (references -> a person's style: equations 4 and 6 up to the mean) and generator.onnx (NMFC
images, two pictures before, style -> picture and mask), both with float16 weights and float32 arithmetic, and checks
them against PyTorch in onnxruntime-node; weights.json says where their weights lie, and discriminator.pt, no part of
the pack, holds the discriminators of the checkpoint beside WEIGHTS, for `head2head.personalise`. The motion basis and
its tables are those of `--motion` (default packs/warp). Seal the pack with tools/seal-pack.ts.
"""
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from common.onnx_export import check, round_weights, write_graph
from common.pack import copy_motion, motion_pack_parser, write_manifest
from common.run import CHECKPOINT
from common.weights import FILE, load_trained

from .inception import folded
from .networks import FRAMES, PAST, Head2Head, Shape
from .weights import write_judges, write_weights

OPSET = 13


class EmbedderGraph(nn.Module):
    """`pictures` K x 3 x S x S (0-1, as cameras see them) -> `style` 1 x M, the mean over the K."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pictures):
        h = self.model.embedder(2 * pictures - 1).mean(0, keepdim=True)
        # With a bias it is a Gemm, in which the weight keeps its name.
        return F.linear(h, self.model.projection.weight, torch.zeros(self.model.generator.style_values))


class GeneratorGraph(nn.Module):
    """`nmfc` 1 x 12 x S x S (three images of x, y, z and eyes), `past` 1 x 6 x S x S (-1 to 1), `style` ->
    `picture` (-1 to 1), `mask` (0-1). A network without eyes leaves those planes alone."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, nmfc, past, style):
        if not self.model.shape.eyes:
            nmfc = torch.cat([nmfc[:, 4 * t:4 * t + 3] for t in range(FRAMES)], 1)
        return self.model.generator(nmfc, past, style)


def load(path):
    """The model of a weights.pt file of a run, its batch norms folded."""
    model, _ = load_trained(path, Head2Head, Shape)
    folded(model.embedder)
    return model


def example_inputs(model, rng, references=4):
    shape, values = model.shape, model.generator.style_values
    uniform = lambda *dims: torch.from_numpy(rng.random(dims, 'f4'))
    side = (shape.size, shape.size)
    return (
        {'pictures': uniform(references, 3, *side)},
        {'nmfc': uniform(1, FRAMES * 4, *side), 'past': 2 * uniform(1, 3 * PAST, *side) - 1,
         'style': uniform(1, values) - 0.5},
    )


@torch.no_grad()
def write_pack(model, pack, motion, **words):
    """Writes a pack whose files are not sealed yet; the model's weights are rounded to binary16. `words` as of
    `common.pack.write_manifest`."""
    round_weights(model)
    pack.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    parts = [('embedder', EmbedderGraph(model), ['style'], {'pictures': {0: 'k'}}),
             ('generator', GeneratorGraph(model), ['picture', 'mask'], None)]
    graphs = {}
    for index, (role, module, outputs, axes) in enumerate(parts):
        path = pack / f'{role}.onnx'
        graphs[role] = write_graph(path, module, example_inputs(model, rng)[index], outputs, OPSET, axes)
        for references in (1, 4):
            check(path, module, example_inputs(model, rng, references)[index], outputs)
    write_weights(pack, model, graphs)
    write_manifest(pack, 'head2head', graphs, copy_motion(motion, pack), size=model.shape.size, weights=FILE, **words)


def main():
    arguments = motion_pack_parser(__doc__).parse_args()
    write_pack(load(arguments.weights), arguments.pack, arguments.motion, name=arguments.name, version=arguments.version,
               data=arguments.data)
    checkpoint = Path(arguments.weights).with_name(CHECKPOINT)
    if checkpoint.exists():
        write_judges(arguments.pack, torch.load(checkpoint, map_location='cpu'))


if __name__ == '__main__':
    main()
