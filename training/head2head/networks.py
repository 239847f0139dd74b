"""Generator and identity embedder of Head2HeadFS (Doukas et al. 2021, section 3.3).

The embedder turns a picture of a person into h (equation 4); the generator, whose every norm h modulates
(equation 6), turns three NMFC images and its own two last pictures into a picture before black and a mask of
the person (equation 5). As the public code of vid2vid, on which the paper builds: 7x7, downsamplings by 3x3 with
stride 2, residual blocks, transposed convolutions, 7x7. Pictures are RGB, -1 to 1, N x 3 x H x W.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .inception import InceptionResnet

FRAMES = 3  # NMFC images: of this frame and of the two before it
PAST = 2    # pictures made before it
BLACK = -1.0


@dataclass
class Shape:
    """Widths of the networks. The defaults are the paper's."""

    size: int = 256        # pixels across
    code: int = 512        # n_f
    base: int = 64
    downs: int = 3
    blocks: int = 9        # of a way through: 5 in each encoder, 4 in the decoder
    embedder: float = 1.0  # share of facenet's widths
    embedder_size: int = 160  # pixels across that it sees
    eyes: bool = False     # whether the NMFC image has the eye plane (the public code draws eyes, the paper not)

    @property
    def conditioning(self):
        return 4 if self.eyes else 3


class AdaptiveNorm(nn.Module):
    """Instance normalisation, scaled by 1 + gamma and shifted by beta (equation 6; the 1 keeps a network whose
    projections are small from showing nothing). Both come from `style`, where `Generator` says."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.start = 0

    def forward(self, x, style):
        middle = self.start + self.channels
        gamma = style[:, self.start:middle, None, None]
        beta = style[:, middle:middle + self.channels, None, None]
        return F.instance_norm(x) * (1 + gamma) + beta


class Layer(nn.Module):
    """A convolution, its norm, ReLU where wanted."""

    def __init__(self, convolution, relu=True):
        super().__init__()
        self.convolution = convolution
        self.norm = AdaptiveNorm(convolution.out_channels)
        self.relu = relu

    def forward(self, x, style):
        x = self.norm(self.convolution(x), style)
        return F.relu(x) if self.relu else x


def wide(inputs, outputs):
    """7 x 7; the border is mirrored."""
    return nn.Conv2d(inputs, outputs, 7, padding=3, padding_mode='reflect')


def narrow(channels):
    return nn.Conv2d(channels, channels, 3, padding=1, padding_mode='reflect')


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = Layer(narrow(channels))
        self.second = Layer(narrow(channels), relu=False)

    def forward(self, x, style):
        return x + self.second(self.first(x, style), style)


class Encoder(nn.Module):
    def __init__(self, inputs, shape):
        super().__init__()
        widths = [shape.base * 2 ** i for i in range(shape.downs + 1)]
        self.layers = nn.ModuleList([Layer(wide(inputs, widths[0]))])
        for a, b in zip(widths, widths[1:]):
            self.layers.append(Layer(nn.Conv2d(a, b, 3, 2, 1)))
        self.layers.extend(Block(widths[-1]) for _ in range(shape.blocks - shape.blocks // 2))

    def forward(self, x, style):
        for layer in self.layers:
            x = layer(x, style)
        return x


class Decoder(nn.Module):
    def __init__(self, shape):
        super().__init__()
        widths = [shape.base * 2 ** i for i in range(shape.downs, -1, -1)]
        self.layers = nn.ModuleList(Block(widths[0]) for _ in range(shape.blocks // 2))
        for a, b in zip(widths, widths[1:]):
            self.layers.append(Layer(nn.ConvTranspose2d(a, b, 3, 2, 1, 1)))
        self.picture = wide(widths[-1], 3)
        self.mask = wide(widths[-1], 1)

    def forward(self, x, style):
        for layer in self.layers:
            x = layer(x, style)
        return torch.tanh(self.picture(x)), torch.sigmoid(self.mask(x))


class Generator(nn.Module):
    """`nmfc` N x 3C x S x S (oldest first), `past` N x 6 x S x S (oldest first), `style` N x M -> picture
    N x 3 x S x S, mask N x 1 x S x S (0-1). `modulation` is what fine-tuning adds to a person's style."""

    def __init__(self, shape):
        super().__init__()
        self.conditioning = Encoder(FRAMES * shape.conditioning, shape)
        self.history = Encoder(PAST * 3, shape)
        self.decoder = Decoder(shape)
        start = 0
        for module in self.modules():
            if isinstance(module, AdaptiveNorm):
                module.start = start
                start += 2 * module.channels
        self.style_values = start
        self.modulation = nn.Parameter(torch.zeros(start), requires_grad=False)

    def forward(self, nmfc, past, style):
        style = style + self.modulation
        return self.decoder(self.conditioning(nmfc, style) + self.history(past, style), style)


class Head2Head(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedder = InceptionResnet(shape.code, shape.embedder, shape.embedder_size)
        self.generator = Generator(shape)
        # All P_gamma and P_beta of equation 6, one upon the other.
        self.projection = nn.Linear(shape.code, self.generator.style_values, bias=False)
        nn.init.normal_(self.projection.weight, std=0.3 * shape.code ** -0.5)

    def embed(self, pictures):
        """h N x n_f of the means over N x K x 3 x S x S."""
        n, k = pictures.shape[:2]
        return self.embedder(pictures.flatten(0, 1)).reshape(n, k, -1).mean(1)

    def start(self, n, device):
        """The pictures before the first: black."""
        size = self.shape.size
        return torch.full((n, PAST * 3, size, size), BLACK, device=device)


def advanced(history, newest):
    """The history of the next frame: N x (F C) x S x S without its oldest image, the newest behind it."""
    return torch.cat([history[:, newest.shape[1]:], newest], 1)
