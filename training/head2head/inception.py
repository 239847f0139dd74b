"""Inception-ResNet-v1 as facenet has it (Schroff et al. 2015; Szegedy et al. 2017): the embedder of Head2HeadFS.

Shapes of timesler/facenet-pytorch, which the paper names; no weights of it. `share` narrows every layer.
Pictures -1 to 1 of any size are brought to `side x side`, 80 at least; the network was made for 160.
"""
import torch
import torch.nn.functional as F
from torch import nn


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, inputs, outputs, size, stride=1, padding=0):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        return F.relu(self.norm(self.convolution(x)))


class Residual(nn.Module):
    """Branches side by side, brought back to the input's width, scaled, added."""

    def __init__(self, inputs, branches, joined, scale, relu=True):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.join = nn.Conv2d(joined, inputs, 1)
        self.scale, self.relu = scale, relu

    def forward(self, x):
        x = x + self.scale * self.join(torch.cat([branch(x) for branch in self.branches], 1))
        return F.relu(x) if self.relu else x


class Reduction(nn.Module):
    """Branches of stride 2 side by side, and a pooled one."""

    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches] + [F.max_pool2d(x, 3, 2)], 1)


class InceptionResnet(nn.Module):
    def __init__(self, code=512, share=1.0, side=160):
        super().__init__()
        self.side = side

        def w(channels):
            return max(4, round(channels * share))

        def chain(*layers):
            return nn.Sequential(*(Conv(*layer) for layer in layers))

        def block35():
            a, b = w(32), w(256)
            return Residual(b, [chain((b, a, 1)), chain((b, a, 1), (a, a, 3, 1, 1)),
                                chain((b, a, 1), (a, a, 3, 1, 1), (a, a, 3, 1, 1))], 3 * a, 0.17)

        def block17(inputs):
            a = w(128)
            return Residual(inputs, [chain((inputs, a, 1)), chain(
                (inputs, a, 1), (a, a, (1, 7), 1, (0, 3)), (a, a, (7, 1), 1, (3, 0)))], 2 * a, 0.10)

        def block8(inputs, scale=0.20, relu=True):
            a = w(192)
            return Residual(inputs, [chain((inputs, a, 1)), chain(
                (inputs, a, 1), (a, a, (1, 3), 1, (0, 1)), (a, a, (3, 1), 1, (1, 0)))], 2 * a, scale, relu)

        middle = w(256) + w(384) + w(256)
        last = middle + w(384) + w(256) + w(256)
        self.stem = chain((3, w(32), 3, 2), (w(32), w(32), 3), (w(32), w(64), 3, 1, 1))
        self.enter = chain((w(64), w(80), 1), (w(80), w(192), 3), (w(192), w(256), 3, 2))
        self.body = nn.Sequential(
            *(block35() for _ in range(5)),
            Reduction([chain((w(256), w(384), 3, 2)),
                       chain((w(256), w(192), 1), (w(192), w(192), 3, 1, 1), (w(192), w(256), 3, 2))]),
            *(block17(middle) for _ in range(10)),
            Reduction([chain((middle, w(256), 1), (w(256), w(384), 3, 2)),
                       chain((middle, w(256), 1), (w(256), w(256), 3, 2)),
                       chain((middle, w(256), 1), (w(256), w(256), 3, 1, 1), (w(256), w(256), 3, 2))]),
            *(block8(last) for _ in range(5)),
            block8(last, 1.0, False))
        self.last = nn.Linear(last, code, bias=False)
        self.norm = nn.BatchNorm1d(code, eps=0.001)

    def forward(self, pictures):
        x = F.interpolate(pictures, size=(self.side, self.side), mode='bilinear', align_corners=False)
        x = F.max_pool2d(self.stem(x), 3, 2)
        return self.norm(self.last(self.body(self.enter(x)).mean((2, 3))))


@torch.no_grad()
def folded(network):
    """Puts every batch norm into the layer before it, for inference: the same function, in eval mode, in place."""
    for module in network.modules():
        if isinstance(module, Conv) and isinstance(module.norm, nn.BatchNorm2d):
            factor, shift = _affine(module.norm)
            module.convolution.weight.mul_(factor[:, None, None, None])
            module.convolution.bias = nn.Parameter(shift)
            module.norm = nn.Identity()
    if isinstance(network.norm, nn.BatchNorm1d):
        factor, shift = _affine(network.norm)
        network.last.weight.mul_(factor[:, None])
        network.last.bias = nn.Parameter(shift)
        network.norm = nn.Identity()
    return network


def _affine(norm):
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return factor, norm.bias - norm.running_mean * factor
