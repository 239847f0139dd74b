"""Reads a `Portrait` back from a pack (`common/weights.py`), to be trained on."""
import torch

from common.weights import read_stored

from .model import Portrait, Shape


@torch.no_grad()
def read_weights(pack):
    """The model of a pack, and where its weights lie."""
    settings, networks, weights = read_stored(pack)
    model = Portrait(Shape(**settings))
    parameters = model.state_dict()
    for name, value in weights.items():
        parameters[name].copy_(value.reshape(parameters[name].shape))
    return model, networks
