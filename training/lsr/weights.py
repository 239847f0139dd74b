"""Reads an `Lsr` back from a pack (`common/weights.py`), to be fine-tuned."""
import torch

from common.weights import read_stored

from .layers import Conv, Linear
from .model import Lsr, Shape


@torch.no_grad()
def read_weights(pack):
    """The `Lsr` of a pack, its kernels of unit variance again, and `networks` of its weights.json."""
    settings, networks, weights = read_stored(pack)
    model = Lsr(Shape(**settings))
    parameters, scales = model.state_dict(), scales_of(model)
    for name, value in weights.items():
        parameters[name].copy_(value.reshape(parameters[name].shape) / scales.get(name, 1))
    return model, networks


def scales_of(model):
    """What each kernel is multiplied by as it runs, by its name: its graphs hold the products."""
    return {f'{name}.weight': layer.scale for name, layer in model.named_modules() if isinstance(layer, (Conv, Linear))}
