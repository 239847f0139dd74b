"""The expression network (equations 8-10)."""
import torch.nn.functional as F
from torch import nn

from .keypoints import features


class ExpressionNetwork(nn.Module):
    """The detector's features (N x F x h x h) and heat maps (N x 10 x H x H) -> e (N x |e|): features at each
    keypoint, weighted by its heat map, and an MLP of four layers."""

    def __init__(self, shape):
        super().__init__()
        self.keypoints, self.features = shape.keypoints, shape.keypoint_features
        found = shape.keypoints * shape.keypoint_features
        hidden = shape.expression_hidden
        self.conv = nn.Conv2d(features(shape), found, 7)
        widths = [found, hidden, 2 * hidden, hidden, shape.expression]
        self.mlp = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def forward(self, seen, heat):
        x = self.conv(seen).reshape(-1, self.keypoints, self.features, *heat.shape[2:]) * heat[:, :, None]
        x = x.sum((3, 4)).flatten(1)
        for layer in self.mlp[:-1]:
            x = F.relu(layer(x))
        return self.mlp[-1](x)
