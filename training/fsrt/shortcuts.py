"""Graphs to measure FSRT's exact shortcuts with, of random weights: `python3 -m fsrt.shortcuts FOLDER
tiny|small|full`, what bench/fsrt.ts runs.

`plain.onnx` makes keys and values anew and holds keypoints and expression in each query; `cached.onnx` is given the keys
and values; `decoder.onnx` and `query.onnx` are the pack's. `patches.onnx` makes a source's patches as a pack does, `patches-plain.onnx`
as equation 5 writes it. inputs.json: example inputs, and what PyTorch gives.
"""
import base64
import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from common.onnx_export import write

from .encoding import encode, pixel_grid
from .graphs import MEMORY, Enrolment, Query, Tile, graph
from .model import Fsrt
from .sample import TINY
from .shape import Shape, small_decoder

SHAPES = {'tiny': TINY, 'small': small_decoder(), 'full': Shape()}
PIXELS = 2048


class Plain(nn.Module):
    """pixels P x 2, keypoints, expression, latent 1 x T x width -> colours."""

    def __init__(self, model):
        super().__init__()
        self.decoder = model.decoder

    def forward(self, pixels, keypoints, expression, latent):
        return self.decoder(latent, pixels[None], keypoints, expression)[0]


class Cached(nn.Module):
    """The same with the keys and values given, and nothing folded."""

    def __init__(self, model):
        super().__init__()
        self.decoder = model.decoder

    def forward(self, pixels, keypoints, expression, *memory):
        decoder, count = self.decoder, pixels.shape[0]
        places = encode(keypoints.flatten(1), decoder.shape.keypoint_octaves)
        query = torch.cat([places.expand(count, -1), encode(pixels, decoder.shape.pixel_octaves),
                           expression.expand(count, -1)], -1)[None]
        x = decoder.second(F.relu(decoder.first(query)))
        for index, layer in enumerate(decoder.layers):
            x = layer(x, memory[2 * index][None], memory[2 * index + 1][None])
        for layer in decoder.render[:-1]:
            x = F.relu(layer(x))
        return decoder.render[-1](x)[0]


class Patches(nn.Module):
    """pictures, keypoints, expression of K sources -> K x width x S/patch x S/patch."""

    def __init__(self, model):
        super().__init__()
        self.shape, self.net = model.shape, model.encoder.patches

    def inputs(self, pictures, keypoints):
        places = encode(keypoints.flatten(1), self.shape.keypoint_octaves)
        pixels = encode(pixel_grid(self.shape.size), self.shape.pixel_octaves).permute(2, 0, 1)
        return places, pixels.expand(len(pictures), -1, -1, -1)

    def forward(self, pictures, keypoints, expression):
        places, pixels = self.inputs(pictures, keypoints)
        return self.net(torch.cat([pictures, pixels], 1), places, expression)


class PlainPatches(Patches):
    """Keypoints and expression at every pixel."""

    def forward(self, pictures, keypoints, expression):
        places, pixels = self.inputs(pictures, keypoints)
        everywhere = lambda x: x[:, :, None, None].expand(-1, -1, *pictures.shape[-2:])
        x = torch.cat([pictures, everywhere(places), pixels, everywhere(expression)], 1)
        for conv in self.net.convs:
            x = F.relu(conv(x))
        return self.net.out(x)


@torch.no_grad()
def main():
    folder, shape = Path(sys.argv[1]), SHAPES[sys.argv[2]]
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    model = Fsrt(shape).eval()
    pictures = torch.rand(1, 3, shape.size, shape.size)
    keypoints, expression = model.motion(pictures)
    latent = model.encoder(pictures[None], keypoints[None], expression[None])
    memory = dict(zip(MEMORY, Enrolment(model)(pictures, keypoints, expression)))
    pixels = pixel_grid(shape.size).flatten(0, 1)[:PIXELS]
    frame = {'keypoints': keypoints, 'expression': expression}
    constant = model.decoder.constant(keypoints, expression)
    some = {'pixels': {0: 'pixels'}, 'colours': {0: 'pixels'}}
    source = {'pictures': pictures, **frame}
    graphs = {
        'plain': (Plain(model), {'pixels': pixels, **frame, 'latent': latent}, ['colours'], some),
        'cached': (Cached(model), {'pixels': pixels, **frame, **memory}, ['colours'], some),
        'query': (Query(model), frame, ['constant'], {}),
        'decoder': (Tile(model), {'pixels': pixels, 'constant': constant, **memory}, ['colours'], some),
        'patches-plain': (PlainPatches(model), source, ['made'], {}),
        'patches': (Patches(model), source, ['made'], {}),
    }
    for name, example in graphs.items():
        write(graph(example), folder / f'{name}.onnx')
    packed = lambda x: {'dims': list(x.shape), 'data': base64.b64encode(x.numpy().astype('<f4').tobytes()).decode()}
    wanted = {'plain': model.decoder(latent, pixels[None], keypoints, expression)[0],
              'patches': PlainPatches(model)(*source.values())}
    tensors = {'pixels': pixels, **source, 'latent': latent, 'constant': constant, **memory}
    (folder / 'inputs.json').write_text(json.dumps({
        'size': shape.size, 'tensors': {name: packed(value) for name, value in tensors.items()},
        'wanted': {name: packed(value) for name, value in wanted.items()}}))


if __name__ == '__main__':
    main()
