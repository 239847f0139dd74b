"""What a pack of FSTH holds, and how it is read again to be fine-tuned (`common/weights.py`)."""
import torch
from torch import nn

from common.weights import read_stored

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
    settings, networks, stored = read_stored(pack)
    shape = Shape(**settings)
    shapes = {name: value.shape for name, value in Packed(Fsth(shape)).state_dict().items()}
    weights = {name.replace('generator.generator.', 'generator.'): value.reshape(shapes[name])
               for name, value in stored.items() if name != 'generator.own'}
    return load_folded(Fsth(shape), weights), networks
