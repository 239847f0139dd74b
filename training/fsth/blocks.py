"""What FSTH's networks are built of (Zakharov et al. 2019, sections 3.4 and A.4; the blocks are those of
BigGAN, Brock et al. 2019, as that section says). N x C x H x W throughout.

Every convolution and linear layer has spectral normalisation (Miyato et al. 2018); `fold` puts it into
the weights, which is what a pack holds.
"""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from common.training import follow


def spectral(layer):
    return parametrizations.spectral_norm(layer)


def conv(inputs, outputs, size=3):
    return spectral(nn.Conv2d(inputs, outputs, size, padding=size // 2))


def spectral_layers(network):
    """Names and modules of the layers that have spectral normalisation."""
    return [(name, layer) for name, layer in network.named_modules()
            if not isinstance(layer, parametrize.ParametrizationList) and parametrize.is_parametrized(layer)]


@torch.no_grad()
def settle(network):
    """Gives each layer its weight's largest singular value exactly, where power iteration only nears it."""
    for _, layer in spectral_layers(network):
        parametrization = layer.parametrizations.weight
        matrix = parametrization.original.flatten(1)
        if len(matrix) <= matrix.shape[1]:
            u = torch.linalg.eigh(matrix @ matrix.T)[1][:, -1]
            v = F.normalize(matrix.T @ u, dim=0)
        else:
            v = torch.linalg.eigh(matrix.T @ matrix)[1][:, -1]
            u = F.normalize(matrix @ v, dim=0)
        parametrization[0]._u.copy_(u)
        parametrization[0]._v.copy_(v)


def fold(network):
    """Replaces each weight by what spectral normalisation makes of it; in place, and returns it."""
    settle(network)
    network.eval()
    for _, layer in spectral_layers(network):
        weight = layer.weight.detach().clone()
        # PyTorch's own removal takes the property from a class that copies of the network share.
        layer.__class__ = parametrize.type_before_parametrizations(layer)
        del layer.parametrizations
        layer.register_parameter('weight', nn.Parameter(weight))
    return network


@torch.no_grad()
def load_folded(network, weights):
    """Gives a network with spectral normalisation folded weights: it computes the same, and can be trained on."""
    own = network.state_dict()
    for name, value in weights.items():
        module, _, leaf = name.rpartition('.')
        trained = f'{module}.parametrizations.{leaf}.original'
        own[trained if trained in own else name] = value
    network.load_state_dict(own)
    settle(network)
    return network


@torch.no_grad()
def follow_network(average, model, keep):
    """Moves running averages of weights on; buffers, which say how weights are normalised, are copied."""
    follow(average.parameters(), model.parameters(), keep)
    for mean, value in zip(average.buffers(), model.buffers()):
        mean.copy_(value)


class DownBlock(nn.Module):
    """Pre-activated residual block that halves the picture with average pooling at its end.

    `first`: no activation before the first convolution. `normalise`: instance normalisation with a scale
    and a shift of its own (the generator's); the first block's input, a picture, is left as it is.
    `halve` false: the discriminator's last block, whose skip connection is the identity.
    """

    def __init__(self, inputs, outputs, first=False, normalise=False, halve=True):
        super().__init__()
        self.first, self.halve = first, halve
        norm = lambda channels: nn.InstanceNorm2d(channels, affine=True) if normalise else nn.Identity()
        self.norm1 = nn.Identity() if first else norm(inputs)
        self.conv1 = conv(inputs, outputs)
        self.norm2 = norm(outputs)
        self.conv2 = conv(outputs, outputs)
        self.skip = conv(inputs, outputs, 1) if halve or inputs != outputs else nn.Identity()

    def forward(self, x):
        h = x if self.first else F.relu(self.norm1(x))
        h = self.conv2(F.relu(self.norm2(self.conv1(h))))
        h = h + self.skip(x)
        return F.avg_pool2d(h, 2) if self.halve else h


class SelfAttention(nn.Module):
    """Self-attention (Zhang et al. 2019): queries of C/8 channels, keys and values of half the resolution."""

    def __init__(self, channels):
        super().__init__()
        small, half = max(1, channels // 8), max(1, channels // 2)
        self.query, self.key = conv(channels, small, 1), conv(channels, small, 1)
        self.value, self.out = conv(channels, half, 1), conv(half, channels, 1)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        n, _, height, width = x.shape
        query = self.query(x).flatten(2).transpose(1, 2)
        key = F.max_pool2d(self.key(x), 2).flatten(2)
        value = F.max_pool2d(self.value(x), 2).flatten(2).transpose(1, 2)
        seen = torch.softmax(query @ key, -1) @ value
        return x + self.gain * self.out(seen.transpose(1, 2).reshape(n, -1, height, width))


class AdaptiveNorm(nn.Module):
    """Adaptive instance normalisation (Huang & Belongie 2017): `adaptive` N x 2C holds each channel's
    scale, less 1, then its shift, so that the embedding 0 leaves the normalised features as they are."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, x, adaptive):
        scale, shift = adaptive[:, :, None, None].split(self.channels, 1)
        return self.norm(x) * (1 + scale) + shift


class AdaptiveBlock(nn.Module):
    """Residual block with adaptive normalisation; `double`: upsampling (nearest) at its end."""

    def __init__(self, inputs, outputs, double=False):
        super().__init__()
        self.double = double
        self.norm1, self.norm2 = AdaptiveNorm(inputs), AdaptiveNorm(outputs)
        self.conv1, self.conv2 = conv(inputs, outputs), conv(outputs, outputs)
        self.skip = conv(inputs, outputs, 1) if double else nn.Identity()

    @property
    def adaptive_count(self):
        return 2 * (self.norm1.channels + self.norm2.channels)

    def forward(self, x, adaptive):
        of1, of2 = adaptive.split([2 * self.norm1.channels, 2 * self.norm2.channels], 1)
        h = self.conv1(F.relu(self.norm1(x, of1)))
        h = self.conv2(F.relu(self.norm2(h, of2))) + self.skip(x)
        return F.interpolate(h, scale_factor=2.0) if self.double else h
