"""Makes a pack of trained weights: `python3 -m portrait.export WEIGHTS PACK --name NAME`.

Writes encoder.onnx and generator.onnx (float16 weights, float32 arithmetic) and checks both against
PyTorch in onnxruntime-node, with one reference and with four; weights.json says where their weights
lie. The motion basis, its tables and the appearance basis are those of `--motion` (default
packs/portrait-256-cpu). Seal the pack with tools/seal-pack.ts.
"""
import numpy as np
import torch
from torch import nn

from common.onnx_export import check, round_weights, write_graph
from common.pack import copy_motion, motion_pack_parser, write_manifest
from common.weights import FILE, load_trained, write_weights

from .model import CONDITIONING, TRUST, Portrait, Shape

OPSET = 13


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


def main():
    arguments = motion_pack_parser(__doc__, 'portrait-256-cpu').parse_args()
    model, _ = load_trained(arguments.weights, Portrait, Shape)
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
        graphs[name] = write_graph(path, module, inputs_of(4, model.shape.code, rng)[index], outputs, OPSET, axes)
        for count in (1, 4):
            check(path, module, inputs_of(count, model.shape.code, rng)[index], outputs)
    write_weights(pack, model, graphs)
    motion = copy_motion(arguments.motion, pack, ('basis', 'tables', 'appearance'))
    write_manifest(pack, 'portrait', graphs, motion, name=arguments.name, version=arguments.version, data=arguments.data,
                   weights=FILE)


if __name__ == '__main__':
    main()
