"""Layers of LSR's public code (Meshry et al. 2021): equalised learning rates, residual blocks, AdaIN, SPADE.

Convolutions keep a kernel of unit variance and scale it as they run (Karras et al. 2018, section 4.1),
by gain / sqrt(fan-in). Instance norms have no parameters and an epsilon of 1e-3 (TensorFlow Addons').
"""
import torch
import torch.nn.functional as F
from torch import nn

GAIN = 2 ** 0.5
EPSILON = 1e-3


def scaled(layer):
    """The kernel that a layer computes with."""
    return layer.weight if layer.scale == 1 else layer.weight * layer.scale


def fold_scales(network):
    """Multiplies kernels by their scales once and for all, for graphs: what it computes stays the same."""
    for layer in network.modules():
        if isinstance(layer, (Conv, Linear)):
            layer.weight.data *= layer.scale
            layer.scale = 1


class Conv(nn.Module):
    """A `size` x `size` convolution, stride 1, as large a picture out as in; `weight` has unit variance."""

    def __init__(self, inputs, outputs, size=3, bias=True, gain=GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / (inputs * size * size) ** 0.5
        self.padding = size // 2

    def forward(self, x):
        return F.conv2d(x, scaled(self), self.bias, padding=self.padding)


class Linear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = GAIN / inputs ** 0.5

    def forward(self, x):
        return F.linear(x, scaled(self), self.bias)


def act(x):
    return F.leaky_relu(x, 0.2)


def normalised(x):
    return F.instance_norm(x, eps=EPSILON)


def upsampled(x):
    return F.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False)


def blur_pooled(x):
    """Binomial 3 x 3 blur and every second pixel (Zhang 2019), padded with zeros as TensorFlow's SAME does:
    pictures of even sides right and below alone."""
    taps = torch.tensor([1., 2., 1.], device=x.device)
    kernel = (taps[:, None] * taps / 16).repeat(int(x.shape[1]), 1, 1, 1)
    before = int(x.shape[-1]) % 2
    return F.conv2d(F.pad(x, (before, 1, before, 1)), kernel, stride=2, groups=x.shape[1])


class Residual(nn.Module):
    """BigGAN's residual block (Brock et al. 2019) without norms, for encoders."""

    def __init__(self, inputs, outputs):
        super().__init__()
        middle = min(inputs, outputs)
        self.shortcut = Conv(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity()
        self.conv0 = Conv(inputs, middle)
        self.conv1 = Conv(middle, outputs)

    def forward(self, x):
        return self.conv1(F.relu(self.conv0(F.relu(x)))) + self.shortcut(x)


class Down(nn.Module):
    """A residual block to half the size; with instance norms in U-Nets, without in discriminators."""

    def __init__(self, inputs, outputs, norm, factor=1.0):
        super().__init__()
        self.norm = normalised if norm else nn.Identity()
        self.factor = factor
        self.shortcut = Conv(inputs, outputs, 1, bias=False)
        self.conv0 = Conv(inputs, inputs)
        self.conv1 = Conv(inputs, outputs)

    def forward(self, x):
        y = self.conv0(act(self.norm(x)))
        y = self.conv1(act(self.norm(y)))
        return (blur_pooled(y) + blur_pooled(self.shortcut(x))) * self.factor


class Modulation(nn.Module):
    """AdaIN (Huang & Belongie 2017): scale and shift by a code, after an instance norm."""

    def __init__(self, code, channels):
        super().__init__()
        self.channels = channels
        self.linear = Linear(code, 2 * channels)

    def forward(self, x, code):
        scale, shift = self.linear(code)[:, :, None, None].split(self.channels, 1)
        return normalised(x) * (1 + scale) + shift


class Up(nn.Module):
    """A residual block to twice the size, modulated by a code."""

    def __init__(self, inputs, outputs, code):
        super().__init__()
        self.shortcut = Conv(inputs, outputs, 1, bias=False)
        self.norm0 = Modulation(code, inputs)
        self.conv0 = Conv(inputs, outputs)
        self.norm1 = Modulation(code, outputs)
        self.conv1 = Conv(outputs, outputs)

    def forward(self, x, code):
        y = self.conv0(upsampled(act(self.norm0(x, code))))
        y = self.conv1(act(self.norm1(y, code)))
        return y + self.shortcut(upsampled(x))


class Spade(nn.Module):
    """Spatially adaptive denormalisation (Park et al. 2019), after an instance norm."""

    def __init__(self, channels, layout, projection):
        super().__init__()
        self.project = Conv(layout, projection)
        self.scale = Conv(projection, channels)
        self.shift = Conv(projection, channels)

    def forward(self, x, layout):
        layout = F.avg_pool2d(layout, int(layout.shape[-1]) // int(x.shape[-1]))
        seen = F.relu(self.project(layout))
        return normalised(x) * (1 + self.scale(seen)) + self.shift(seen)


class SpadeResidual(nn.Module):
    def __init__(self, inputs, outputs, layout, projection):
        super().__init__()
        middle = min(inputs, outputs)
        self.norm0 = Spade(inputs, layout, projection)
        self.conv0 = Conv(inputs, middle)
        self.norm1 = Spade(middle, layout, projection)
        self.conv1 = Conv(middle, outputs)
        self.widens = inputs != outputs
        if self.widens:
            self.norm_shortcut = Spade(inputs, layout, projection)
            self.shortcut = Conv(inputs, outputs, 1, bias=False)

    def forward(self, x, layout):
        y = self.conv0(act(self.norm0(x, layout)))
        y = self.conv1(act(self.norm1(y, layout)))
        return y + (self.shortcut(self.norm_shortcut(x, layout)) if self.widens else x)
