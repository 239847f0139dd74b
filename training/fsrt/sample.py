"""A pack of random weights and what PyTorch makes of it, for the tests: `python3 -m fsrt.sample FOLDER`.

FOLDER/pack is the pack, unsealed; sources.bin two pictures and driving.bin one (S x S x 4 bytes, RGBA); expected.json the
driving frame's motion and a few pixels' colours as the paper's decoder, without shortcuts, gives them.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

from .encoding import pixel_grid
from .export import write_pack
from .model import Fsrt
from .shape import Shape

TINY = Shape(size=128, keypoint_width=8, keypoint_most=16, expression=64, keypoint_features=4, expression_hidden=16,
             patch_width=8, width=32, layers=1, heads=2, head=16, hidden=32, query_hidden=48, decoder_heads=2,
             decoder_hidden=32, render='32 32')


def lively(model):
    """Weights under which different pictures give visibly different frames."""
    with torch.no_grad():
        model.keypoints.heat.weight.mul_(4)
        model.expression.mlp[-1].weight.mul_(8)
        model.expression.mlp[-1].bias.uniform_(-1, 1)
        model.decoder.render[-1].weight.mul_(4)
        model.decoder.render[-1].bias.fill_(0.5)
    return model


@torch.no_grad()
def main():
    folder = Path(sys.argv[1])
    torch.manual_seed(1)
    model = lively(Fsrt(TINY).eval())
    write_pack(model, folder / 'pack', name='fsrt-tiny', data='random weights')
    size = TINY.size
    y, x = np.mgrid[:size, :size] / size
    waves = [np.stack([np.sin(6 * x + k), np.cos(5 * y - k), np.sin(4 * (x + y) + 2 * k)], -1) for k in range(3)]
    pictures = [np.round(127.5 * (wave + 1)).astype('u1') for wave in waves]
    rgba = [np.dstack([picture, np.full((size, size), 255, 'u1')]) for picture in pictures]
    (folder / 'sources.bin').write_bytes(rgba[0].tobytes() + rgba[1].tobytes())
    (folder / 'driving.bin').write_bytes(rgba[2].tobytes())
    seen = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).astype('f4') / 255)
    keypoints, expression = model.motion(seen)
    latent = model.encoder(seen[None, :2], keypoints[None, :2], expression[None, :2])
    chosen = torch.arange(0, size * size, 997)
    pixels = pixel_grid(size).flatten(0, 1)[chosen]
    colours = model.decoder(latent, pixels[None], keypoints[2:], expression[2:])[0]
    again = model.decoder.ask(pixels[None], model.decoder.constant(keypoints[2:], expression[2:]),
                              model.decoder.remember(latent))[0]
    (folder / 'expected.json').write_text(json.dumps({
        'keypoints': keypoints[2].flatten().tolist(), 'expression': expression[2].tolist(),
        'pixels': chosen.tolist(), 'colours': colours.flatten().tolist(),
        'shortcuts': float((again - colours).abs().max()), 'spread': float(colours.std(0).mean()),
    }))


if __name__ == '__main__':
    main()
