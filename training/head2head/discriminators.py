"""The three discriminators of Head2HeadFS (Doukas et al. 2021, section 3.3), patches as in vid2vid's PatchGAN.

All give scores N x 1 x h x w, of which a positive one says real, and the features that the generator is to match.
"""
import torch
import torch.nn.functional as F
from torch import nn

TEMPORAL_FRAMES = 3  # K
TEMPORAL_SCALES = (1, 2, 4)  # every frame, every second, every fourth


class Patches(nn.Module):
    """4 x 4 convolutions to `last` channels: three of stride 2, one of stride 1."""

    def __init__(self, inputs, width, last):
        super().__init__()
        widths = [inputs, width, 2 * width, 4 * width, last]
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, 4, 1 if i == 3 else 2, 2) for i, (a, b) in enumerate(zip(widths, widths[1:])))

    def forward(self, x):
        features = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            x = F.leaky_relu(x if i == 0 else F.instance_norm(x), 0.2)
            features.append(x)
        return features


class ImageDiscriminator(nn.Module):
    """D^I: whether a picture is real, of person i, and of its NMFC image: r = d (w_i + w_0) + c (equation 7)."""

    def __init__(self, people, conditioning, code=512, width=64):
        super().__init__()
        self.patches = Patches(conditioning + 3, width, code)
        self.people = nn.Embedding(people, code)  # W
        nn.init.normal_(self.people.weight, std=0.02)
        self.common = nn.Conv2d(code, 1, 1)  # w_0 and c

    def forward(self, picture, nmfc, person):
        features = self.patches(torch.cat([nmfc, picture], 1))
        own = (features[-1] * self.people(person)[:, :, None, None]).sum(1, keepdim=True)
        return self.common(features[-1]) + own, features


class MouthDiscriminator(nn.Module):
    """D^M: whether a crop of the mouth is real."""

    def __init__(self, width=64):
        super().__init__()
        self.patches = Patches(3, width, 8 * width)
        self.score = nn.Conv2d(8 * width, 1, 4, 1, 2)

    def forward(self, mouth):
        features = self.patches(mouth)
        return self.score(features[-1]), features


class TemporalDiscriminator(nn.Module):
    """D^V of one temporal scale: whether K pictures N x K x 3 x S x S move as the real flow between them says
    (N x (K - 1) x 2 x S x S, in halves of the picture's side)."""

    def __init__(self, width=64):
        super().__init__()
        self.patches = Patches(3 * TEMPORAL_FRAMES + 2 * (TEMPORAL_FRAMES - 1), width, 8 * width)
        self.score = nn.Conv2d(8 * width, 1, 4, 1, 2)

    def forward(self, pictures, flow):
        features = self.patches(torch.cat([pictures.flatten(1, 2), flow.flatten(1, 2)], 1))
        return self.score(features[-1]), features


class Discriminators(nn.Module):
    """All of them; `temporal` has one for each of `TEMPORAL_SCALES`."""

    def __init__(self, people, shape, width=64):
        super().__init__()
        self.image = ImageDiscriminator(people, shape.conditioning, shape.code, width)
        self.mouth = MouthDiscriminator(width)
        self.temporal = nn.ModuleList(TemporalDiscriminator(width) for _ in TEMPORAL_SCALES)
