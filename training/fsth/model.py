"""FSTH's networks (Zakharov et al. 2019): embedder, generator, projection discriminator.

Inside, pictures are RGB in [-1, 1] (`signed` makes them of 0-1); landmark pictures are the contours in
three channels, 0-1 (`common/contours.py`). At the defaults, the paper's, they are 256 x 256.

Where the paper leaves a choice its own counts decide (embedder 15 M, generator 38 M, discriminator 20 M
parameters; ours are 14.9, 38.1 and 19.6 M): the up blocks go 512, 256, 128, 64 from 512 (64, 64 at the
end would give 32 M), each block of a constant size keeps its input beside (no convolution in its skip).
Section A.4 is followed where it and 3.4 differ: ReLU, then sum pooling.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .blocks import AdaptiveBlock, AdaptiveNorm, DownBlock, SelfAttention, conv, spectral


@dataclass
class Shape:
    """Sizes of the networks. The defaults are the paper's."""

    size: int = 256
    least: int = 64        # channels of the first block
    most: int = 512        # channels at most, and N, the length of the embedding
    embedder_blocks: int = 6
    generator_blocks: int = 4   # down, and as many up
    bottleneck_blocks: int = 4
    attention_down: int = 32    # resolution of the self-attention on the way down
    attention_up: int = 64      # and of that on the way up

    def width(self, block):
        """Channels after the down block of this index."""
        return min(self.most, self.least * 2 ** block)


def signed(pictures):
    return 2 * pictures - 1


def down_path(shape, inputs, blocks, normalise):
    """Down blocks with the self-attention after the one that leaves `attention_down`."""
    layers, size = [], shape.size
    for block in range(blocks):
        outputs = shape.width(block)
        layers.append(DownBlock(inputs, outputs, block == 0, normalise))
        inputs, size = outputs, size // 2
        if size == shape.attention_down:
            layers.append(SelfAttention(outputs))
    if inputs != shape.most:
        raise ValueError(f'{blocks} blocks end with {inputs} channels: least 2^{blocks - 1} must reach most {shape.most}')
    return nn.ModuleList(layers)


class Embedder(nn.Module):
    """E (section 3.1): pictures and landmark pictures N x 3 x S x S -> embeddings N x `most`."""

    def __init__(self, shape):
        super().__init__()
        self.layers = down_path(shape, 6, shape.embedder_blocks, False)

    def forward(self, pictures, contours):
        x = torch.cat([pictures, contours], 1)
        for layer in self.layers:
            x = layer(x)
        return F.relu(x).sum((2, 3))


class Generator(nn.Module):
    """G: landmark pictures N x 3 x S x S and adaptive parameters N x `adaptive_count` -> pictures in [-1, 1]."""

    def __init__(self, shape):
        super().__init__()
        self.down = down_path(shape, 3, shape.generator_blocks, True)
        self.middle = nn.ModuleList(
            AdaptiveBlock(shape.most, shape.most) for _ in range(shape.bottleneck_blocks))
        widths = [shape.width(block) for block in range(shape.generator_blocks)]
        self.up, size, inputs = nn.ModuleList(), shape.size >> shape.generator_blocks, shape.most
        for outputs in reversed(widths):
            self.up.append(AdaptiveBlock(inputs, outputs, True))
            inputs, size = outputs, 2 * size
            if size == shape.attention_up:
                self.up.append(SelfAttention(outputs))
        self.norm = AdaptiveNorm(inputs)
        self.out = conv(inputs, 3)
        blocks = [layer for layer in [*self.middle, *self.up] if isinstance(layer, AdaptiveBlock)]
        self.counts = [block.adaptive_count for block in blocks] + [2 * inputs]

    @property
    def adaptive_count(self):
        return sum(self.counts)

    def forward(self, contours, adaptive):
        parts = iter(adaptive.split(self.counts, 1))
        x = contours
        for layer in self.down:
            x = layer(x)
        for layer in [*self.middle, *self.up]:
            x = layer(x, next(parts)) if isinstance(layer, AdaptiveBlock) else layer(x)
        return torch.tanh(self.out(F.relu(self.norm(x, next(parts)))))


class Fsth(nn.Module):
    """Embedder, projection P (one matrix, section 3.1) and generator: what a pack holds."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.embedder = Embedder(shape)
        self.generator = Generator(shape)
        self.projection = spectral(nn.Conv2d(shape.most, self.generator.adaptive_count, 1, bias=False))

    def embed(self, pictures, contours):
        """References N x K x 3 x S x S, 0-1, with their contours -> N x K x `most`, one for each (equation 1
        takes the mean, equation (3)'s match term each of them)."""
        n, k = pictures.shape[:2]
        made = self.embedder(signed(pictures.flatten(0, 1)), contours.flatten(0, 1))
        return made.reshape(n, k, -1)

    def adapt(self, embedding):
        """Embeddings N x `most` -> adaptive parameters N x `adaptive_count` (psi-hat = P e-hat)."""
        return self.projection(embedding[:, :, None, None]).flatten(1)

    def forward(self, contours, embedding):
        """Contours N x 3 x S x S of the frames and N x `most` of the people -> pictures in [-1, 1] (equation 2)."""
        return self.generator(contours, self.adapt(embedding))


class Discriminator(nn.Module):
    """D (equations 5 and 8): is this a picture of that video, in that pose?

    `videos`: rows of W, one for each of the meta-learning's; 0 for the fine-tuning's D', whose `general`
    is w' (`discriminator_for`).
    """

    def __init__(self, shape, videos):
        super().__init__()
        layers = down_path(shape, 6, shape.embedder_blocks, False)
        layers.append(DownBlock(shape.most, shape.most, halve=False))
        self.layers = layers
        self.videos = nn.Parameter(0.02 * torch.randn(videos, shape.most))
        self.general = nn.Parameter(0.02 * torch.randn(shape.most))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, pictures, contours, video=None):
        """Pictures in [-1, 1], contours, indices of the videos (N) or None -> scores (N), and the features
        after each residual block, which the generator is to match."""
        x, features = torch.cat([pictures, contours], 1), []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, DownBlock):
                features.append(x)
        vector = F.relu(x).sum((2, 3))
        wanted = self.general if video is None else self.videos[video] + self.general
        return (vector * wanted).sum(1) + self.bias, features


@torch.no_grad()
def discriminator_for(person, state, shape):
    """D' of the fine-tuning (section 3.3): V, b of the meta-learning's `state`, w' = w0 + e-hat_NEW."""
    made = Discriminator(shape, 0)
    made.load_state_dict({**state, 'videos': made.videos, 'general': state['general'] + person})
    return made


class PersonalGenerator(nn.Module):
    """G' of the fine-tuning (section 3.3): the adaptive parameters are variables, begun as P e-hat_NEW.

    They are kept as P e-hat_NEW + `own`, so that a pack carries the difference alone and a call's own
    references, whose mean embedding differs a little from the training's, are still used.
    """

    def __init__(self, generator):
        super().__init__()
        self.generator = generator
        self.own = nn.Parameter(torch.zeros(1, generator.adaptive_count))

    def forward(self, contours, adaptive):
        return self.generator(contours, adaptive + self.own)
