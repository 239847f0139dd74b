"""Weights that a training begins with. PyTorch's own shrink a picture some 200 times in the patch CNN, which has no norms,
and the picture is 3 of its many hundred channels: a short training does not get over that. `copying.py` goes on from here."""
import torch
from torch import nn

# What of the first layers' input comes from where, in shares of its power.
PATCHES = {'picture': 0.6, 'keypoints': 0.1, 'pixel': 0.25, 'expression': 0.05}
QUERY = {'keypoints': 0.3, 'pixel': 0.5, 'expression': 0.2}
ADDED = 0.25   # of the power in a residual branch's input that it adds
ENCODED = 0.5  # mean square of a sine


@torch.no_grad()
def begin(model):
    """Sets all but the keypoint detector so that signals keep their size from layer to layer (He et al. 2015), each kind of
    input has its share, fine octaves of a pixel's place count less than coarse ones, and pictures begin mid grey."""
    decoder, shape = model.decoder, model.shape
    rectified = [*model.encoder.patches.convs, *model.expression.mlp[:-1], decoder.first, *decoder.render[:-1]]
    added = [*(layer.out for layer in model.encoder.layers),
             *(layer.mlp.out for layer in (*model.encoder.layers, *decoder.layers))]
    for part in (model.expression, model.encoder, decoder):
        for layer in part.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                gain = 2 if layer in rectified else ADDED if layer in added else 1
                layer.weight.normal_(0, (gain / layer.weight[0].numel()) ** 0.5)
                if layer.bias is not None:
                    layer.bias.zero_()
    share(model.encoder.patches.convs[0].weight, PATCHES, shape)
    share(decoder.first.weight, QUERY, shape)
    decoder.render[-1].weight.mul_(0.1)
    decoder.render[-1].bias.fill_(0.5)


def share(weight, shares, shape):
    """Weights of a rectified layer whose inputs are of several kinds (equations 5 and 7)."""
    counts = {'picture': 3, 'keypoints': 4 * shape.keypoint_octaves * shape.keypoints, 'pixel': 4 * shape.pixel_octaves,
              'expression': shape.expression}
    area, at = weight[0, 0].numel(), 0
    for kind, power in shares.items():
        count = counts[kind]
        part = weight[:, at:at + count].normal_(0, (2 * power / (ENCODED * count * area)) ** 0.5)
        if kind == 'pixel':
            # Sines of x, of y, then cosines, each octave by octave.
            amounts = (2.0 ** (-torch.arange(shape.pixel_octaves) / 2)).repeat(4)
            part *= (amounts / amounts.square().mean().sqrt()).reshape(1, -1, *[1] * (weight.dim() - 2))
        at += count
