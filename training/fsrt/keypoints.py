"""The keypoint detector of the First Order Motion Model (Siarohin et al. 2019) without its Jacobian: an hourglass
(Newell et al. 2016) on the picture at a quarter of its size, heat maps, and their centres."""
import torch
import torch.nn.functional as F
from torch import nn

TEMPERATURE = 0.1


def gaussian(scale):
    """The low-pass before a picture is taken `scale` times smaller: a square kernel whose sum is 1."""
    sigma = (scale - 1) / 2
    radius = round(4 * sigma)
    along = torch.exp(-torch.arange(-radius, radius + 1.0) ** 2 / (2 * sigma ** 2))
    kernel = along[:, None] * along
    return kernel / kernel.sum()


class Smaller(nn.Module):
    """A picture without what its smaller size cannot show."""

    def __init__(self, scale):
        super().__init__()
        kernel = gaussian(scale)
        self.scale, self.padding = scale, len(kernel) // 2
        self.register_buffer('weight', kernel.repeat(3, 1, 1, 1))

    def forward(self, pictures):
        return F.conv2d(pictures, self.weight, stride=self.scale, padding=self.padding, groups=3)


class Step(nn.Module):
    """3 x 3 convolution, batch norm, ReLU; before it twice the resolution, or after it half."""

    def __init__(self, inputs, outputs, up):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.norm = nn.BatchNorm2d(outputs)
        self.up = up

    def forward(self, x):
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode='nearest')
        x = F.relu(self.norm(self.conv(x)))
        return x if self.up else F.avg_pool2d(x, 2)


class KeypointDetector(nn.Module):
    """N x 3 x S x S -> keypoints N x 10 x 2 in [-1, 1], heat maps N x 10 x H x H (each sums to 1), features N x F x
    S/4 x S/4. H is S/4 - 6: the last convolution has no padding."""

    def __init__(self, shape):
        super().__init__()
        wide = lambda level: min(shape.keypoint_most, shape.keypoint_width * 2 ** level)
        levels = range(shape.keypoint_blocks)
        self.smaller = Smaller(shape.keypoint_scale)
        self.down = nn.ModuleList(Step(wide(i) if i else 3, wide(i + 1), up=False) for i in levels)
        self.up = nn.ModuleList(
            Step(wide(i + 1) * (1 if i == levels[-1] else 2), wide(i), up=True) for i in reversed(levels))
        self.heat = nn.Conv2d(features(shape), shape.keypoints, 7)
        self.side = shape.size // shape.keypoint_scale - 6

    def forward(self, pictures):
        kept = [self.smaller(pictures)]
        for step in self.down:
            kept.append(step(kept[-1]))
        x = kept.pop()
        for step in self.up:
            x = torch.cat([step(x), kept.pop()], 1)
        heat = self.heat(x)
        heat = torch.softmax(heat.flatten(2) / TEMPERATURE, -1).reshape(heat.shape)
        along = torch.linspace(-1, 1, self.side, device=heat.device)
        keypoints = torch.stack([(heat.sum(2) * along).sum(-1), (heat.sum(3) * along).sum(-1)], -1)
        return keypoints, heat, x


def features(shape):
    """Channels of the detector's last features: those of the hourglass and the picture's."""
    return shape.keypoint_width + 3
