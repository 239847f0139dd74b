"""The networks of LSR, "Learned Spatial Representations" (Meshry et al. 2021): layout and style.

Once a person: two encoders see each reference beside its contours; z_l and z_s are their means over
the K references (equation 1 and 3). Per frame: the layout generator G^l turns contours and z_l into a
layout, a distribution over classes for each pixel, and an auxiliary picture; the image generator G^s
turns the layout and z_s into the frame. Full width is that of the public code: what the paper leaves
open, or says otherwise (blur-pool in the encoders, contours beside the layout in SPADE), is as there.

Pictures and contours are RGB, -1 to 1, N x 3 x S x S; S is a multiple of 2 ** `ups`.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .layers import Conv, Down, Linear, Residual, SpadeResidual, Up, act, upsampled


@dataclass
class Shape:
    """Widths of the networks. The defaults are the published ones."""

    size: int = 224  # pixels across
    code: int = 512
    encoder: int = 32  # channels at full size, doubled with each halving up to `widest`
    encoder_downs: int = 6
    layout: int = 32
    image: int = 32
    widest: int = 512
    ups: int = 5
    classes: int = 19
    projection: int = 64  # channels between the layout and SPADE's scale and shift

    def width(self, narrow, halvings):
        return min(narrow * 2 ** halvings, self.widest)


class Encoder(nn.Module):
    """A picture beside its contours, N x 6 x S x S -> its code N x C."""

    def __init__(self, shape):
        super().__init__()
        widths = [shape.width(shape.encoder, i) for i in range(shape.encoder_downs + 1)]
        self.enter = Conv(6, widths[0], 7)
        self.blocks = nn.ModuleList(Residual(a, b) for a, b in zip(widths, widths[1:]))
        side = shape.size >> shape.encoder_downs
        self.code = Linear(widths[-1] * side * side, shape.code)

    def forward(self, pictures, contours):
        x = F.relu(self.enter(torch.cat([pictures, contours], 1)))
        for block in self.blocks:
            x = block(F.avg_pool2d(x, 2))
        return self.code(F.relu(x).flatten(1))


class LayoutGenerator(nn.Module):
    """Contours and z_l -> logits of the classes and an auxiliary picture (section 3.2)."""

    def __init__(self, shape):
        super().__init__()
        widths = [shape.width(shape.layout, i) for i in range(shape.ups + 1)]
        self.classes = shape.classes
        self.downs = nn.ModuleList(Down(3 if i == 0 else widths[i], widths[i + 1], norm=True)
                                   for i in range(shape.ups))
        # Each but the deepest sees the result of the one below beside its own half's.
        self.ups = nn.ModuleList(
            Up(widths[i + 1] if i == shape.ups - 1 else 2 * widths[i + 1], widths[i], shape.code)
            for i in reversed(range(shape.ups)))
        self.leave = Conv(widths[0], shape.classes + 3, gain=1.0)

    def forward(self, contours, code):
        x, skips = contours, []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.ups:
            x = up(x, code)
            if skips:
                x = torch.cat([x, skips.pop()], 1)
        return self.leave(x).split([self.classes, 3], 1)


class ImageGenerator(nn.Module):
    """Layout N x classes x S x S and z_s -> the picture, without a last non-linearity."""

    def __init__(self, shape):
        super().__init__()
        widths = [shape.width(shape.image, i) for i in reversed(range(shape.ups + 1))]
        widths = [widths[0], *widths]
        blocks = [SpadeResidual(a, b, shape.classes, shape.projection) for a, b in zip(widths, widths[1:])]
        self.side = shape.size >> shape.ups
        self.enter = Linear(shape.code, self.side * self.side * widths[0])
        self.blocks = nn.ModuleList(blocks)
        self.leave = Conv(widths[-1], 3, gain=1.0)

    def forward(self, layout, code):
        x = self.enter(code).reshape(len(code), -1, self.side, self.side)
        for i, block in enumerate(self.blocks):
            x = block(upsampled(x) if i else x, layout)
        return self.leave(act(x))


class Lsr(nn.Module):
    def __init__(self, shape):
        super().__init__()
        if shape.size % 2 ** shape.ups or shape.size >> shape.encoder_downs < 1:
            raise ValueError(f'size {shape.size}: a multiple of 2 to the power of ups ({shape.ups}), at least 2 '
                             f'to that of encoder_downs ({shape.encoder_downs})')
        self.shape = shape
        self.layout_encoder = Encoder(shape)
        self.style_encoder = Encoder(shape)
        self.layout_generator = LayoutGenerator(shape)
        self.image_generator = ImageGenerator(shape)

    def encode(self, encoder, pictures, contours):
        """Mean code over K references: pictures and contours N x K x 3 x S x S -> N x C."""
        codes = encoder(pictures.flatten(0, 1), contours.flatten(0, 1))
        return codes.reshape(*pictures.shape[:2], -1).mean(1)

    def decode(self, contours, layout_code, style_code):
        """Picture, logits of the layout, auxiliary picture."""
        logits, auxiliary = self.layout_generator(contours, layout_code)
        return self.image_generator(torch.softmax(logits, 1), style_code), logits, auxiliary


class Discriminator(nn.Module):
    """StyleGAN2's residual discriminator (Karras et al. 2020) of a picture beside its contours: a logit."""

    def __init__(self, shape, narrow=32):
        super().__init__()
        widths = [shape.width(narrow, i) for i in range(shape.encoder_downs + 1)]
        side = shape.size
        for _ in range(shape.encoder_downs):
            side = (side + 1) // 2
        self.enter = Conv(6, widths[0], 1)
        self.blocks = nn.ModuleList(Down(a, b, norm=False, factor=0.5 ** 0.5) for a, b in zip(widths, widths[1:]))
        self.conv = Conv(widths[-1], widths[-1])
        self.dense = Linear(widths[-1] * side * side, widths[-1])
        self.leave = Linear(widths[-1], 1)

    def forward(self, pictures, contours):
        x = act(self.enter(torch.cat([pictures, contours], 1)))
        for block in self.blocks:
            x = block(x)
        x = act(self.conv(act(x)))
        return self.leave(act(self.dense(x.flatten(1))))
