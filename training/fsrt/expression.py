"""The expression network (equations 8-10)."""
import torch
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
        x = self.weighted(seen, heat).flatten(1)
        for layer in self.mlp[:-1]:
            x = F.relu(layer(x))
        return self.mlp[-1](x)

    def weighted(self, seen, heat):
        """Features at each keypoint, N x 10 x n_f (equation 8). Heat maps sum to 1, so what is weighted after the convolution may be
        weighted before it: a quarter of the time in training, more of it in onnxruntime, where graphs have it as it is written."""
        count, shape = len(seen), (self.keypoints, self.features)
        if torch.onnx.is_in_onnx_export():
            features = self.conv(seen).reshape(-1, *shape, *heat.shape[-2:])
            return (features * heat[:, :, None]).sum((-2, -1))
        windows = F.conv2d(seen.transpose(0, 1), heat.flatten(0, 1)[:, None], groups=count)
        windows = windows.unflatten(1, (count, self.keypoints)).permute(1, 2, 0, 3, 4).flatten(2)
        weight = self.conv.weight.reshape(*shape, -1)
        return (windows[:, :, None] @ weight.transpose(1, 2))[:, :, 0] + self.conv.bias.reshape(shape)
