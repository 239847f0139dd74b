"""What a pack of FSTH holds, and how it is read again to be fine-tuned, without anything that reads ONNX
(spec/bitstream.md, "Weights"; `portrait/weights.py` writes the file)."""
import json

import numpy as np
import torch
from torch import nn

from portrait.weights import FILE, TYPES

from .blocks import fold, load_folded
from .model import Fsth, PersonalGenerator, Shape

# The discriminator of the meta-learning, beside a pack that is to be fine-tuned: not among its files, never sent.
JUDGE = 'discriminator.pt'


class Packed(nn.Module):
    """The weights of a pack by their names in `weights.json`: an `Fsth` whose spectral normalisation is folded
    (in place), and the adaptive parameters' difference that a person's pack adds."""

    def __init__(self, model):
        super().__init__()
        fold(model)
        self.shape = model.shape
        self.embedder, self.projection = model.embedder, model.projection
        self.generator = PersonalGenerator(model.generator)


@torch.no_grad()
def read_weights(pack):
    """The `Fsth` of a pack, to be trained on, and `networks` of its weights.json."""
    manifest = json.loads((pack / 'manifest.json').read_text())
    content = json.loads((pack / FILE).read_text())
    shape = Shape(**content['shape'])
    shapes = {name: value.shape for name, value in Packed(Fsth(shape)).state_dict().items()}
    weights = {}
    for network, found in content['networks'].items():
        data = (pack / manifest['networks'][network]).read_bytes()
        for name, (start, count, size) in found.items():
            array = np.frombuffer(data, TYPES[size], count, start).astype('f4')
            weights[name.replace('generator.generator.', 'generator.')] = (
                torch.from_numpy(array).reshape(shapes[name]))
    del weights['generator.own']
    return load_folded(Fsth(shape), weights), content['networks']
