"""Reads an `Lsr` back from a pack, to be fine-tuned, without anything that reads ONNX (spec/bitstream.md,
"Weights"; `portrait/weights.py` writes the file)."""
import json

import numpy as np
import torch

from portrait.weights import FILE, TYPES

from .layers import Conv, Linear
from .model import Lsr, Shape


@torch.no_grad()
def read_weights(pack):
    """The `Lsr` of a pack, its kernels of unit variance again, and `networks` of its weights.json."""
    manifest = json.loads((pack / 'manifest.json').read_text())
    content = json.loads((pack / FILE).read_text())
    model = Lsr(Shape(**content['shape']))
    parameters, scales = model.state_dict(), scales_of(model)
    for network, found in content['networks'].items():
        data = (pack / manifest['networks'][network]).read_bytes()
        for name, (start, count, size) in found.items():
            array = torch.from_numpy(np.frombuffer(data, TYPES[size], count, start).astype('f4'))
            parameters[name].copy_(array.reshape(parameters[name].shape) / scales.get(name, 1))
    return model, content['networks']


def scales_of(model):
    """What each kernel is multiplied by as it runs, by its name: its graphs hold the products."""
    return {f'{name}.weight': layer.scale for name, layer in model.named_modules() if isinstance(layer, (Conv, Linear))}
