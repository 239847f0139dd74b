"""The FSRT networks: what is seen of a source picture becomes a set-latent, and that is asked for the colour of each
pixel under the driving frame's keypoints and expression. Pictures are RGB, 0-1, N x 3 x S x S."""
import torch
import torch.nn.functional as F
from torch import nn

from .encoding import encode, pixel_grid
from .expression import ExpressionNetwork
from .keypoints import KeypointDetector
from .transformer import CrossLayer, SelfLayer


class PatchCnn(nn.Module):
    """N x (3 + query) x S x S -> N x width x S/8 x S/8: three blocks of two 3 x 3 convolutions, the second with a
    stride of 2 (in the last ones of 1, where `patch` is below 8), and one of 1 x 1."""

    def __init__(self, shape):
        super().__init__()
        at = 3 + 4 * shape.keypoint_octaves * shape.keypoints
        self.pixels = (at, at + 4 * shape.pixel_octaves)
        widths, last = [], 3 + shape.query
        for block in range(3):
            first = shape.patch_width if block == 0 else last
            widths += [(last, first, 1), (first, 2 * first, 2 if 2 ** block < shape.patch else 1)]
            last = 2 * first
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride, 1, bias=False) for a, b, stride in widths)
        self.out = nn.Conv2d(last, shape.width, 1)

    def forward(self, varying, places, expressions):
        """Channels in the order of equation 5: `varying` are the first three (the picture) and the pixels', `places` and
        `expressions` (N x numbers) are the same everywhere. A convolution of what is the same everywhere has nine
        different results, at the corners, sides and inside, and is made of 3 x 3 pixels."""
        weight, (at, after), size = self.convs[0].weight, self.pixels, varying.shape[-1]
        same = torch.cat([places, expressions], 1)[:, :, None, None].expand(-1, -1, 3, 3)
        edges = F.conv2d(same, torch.cat([weight[:, 3:at], weight[:, after:]], 1), padding=1)
        nearest = torch.tensor([0, *[1] * (int(size) - 2), 2], device=edges.device)
        x = F.conv2d(varying, torch.cat([weight[:, :3], weight[:, at:after]], 1), padding=1)
        x = F.relu(x + edges[:, :, nearest][:, :, :, nearest])
        for conv in self.convs[1:]:
            x = F.relu(conv(x))
        return self.out(x)


class Encoder(nn.Module):
    """Sources (N x K pictures) -> the set-latent N x K (S/patch)^2 x width (equations 1 and 6)."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.patches = PatchCnn(shape)
        self.layers = nn.ModuleList(SelfLayer(shape) for _ in range(shape.layers))

    def forward(self, pictures, keypoints, expressions):
        """N x K x 3 x S x S, N x K x 10 x 2, N x K x |e|."""
        count, sources = pictures.shape[:2]
        pictures = pictures.flatten(0, 1)
        size = self.shape.size
        pixels = encode(pixel_grid(size, pictures.device), self.shape.pixel_octaves).permute(2, 0, 1)
        places = encode(keypoints.flatten(0, 1).flatten(1), self.shape.keypoint_octaves)
        varying = torch.cat([pictures, pixels.expand(count * sources, -1, -1, -1)], 1)
        x = self.patches(varying, places, expressions.flatten(0, 1)).flatten(2).transpose(1, 2)
        x = x.reshape(count, -1, self.shape.width)
        for layer in self.layers:
            x = layer(x)
        return x


class Decoder(nn.Module):
    """Colour of each pixel asked for (equations 2 and 7)."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.first = nn.Linear(shape.query, shape.query_hidden)
        self.second = nn.Linear(shape.query_hidden, shape.query)
        self.layers = nn.ModuleList(CrossLayer(shape) for _ in range(2))
        widths = [shape.query, *shape.render_widths, 3]
        self.render = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))

    def remember(self, latent):
        """Keys and values of both cross-attentions: all that a frame needs of the sources."""
        return [part for layer in self.layers for part in layer.remember(latent)]

    def constant(self, keypoints, expression):
        """What keypoints (N x 10 x 2) and expression (N x |e|) add to the first layer, the same for every pixel."""
        at = 4 * self.shape.keypoint_octaves * self.shape.keypoints
        after = at + 4 * self.shape.pixel_octaves
        weight, bias = self.first.weight, self.first.bias
        places = encode(keypoints.flatten(1), self.shape.keypoint_octaves)
        return places @ weight[:, :at].T + expression @ weight[:, after:].T + bias

    def queries(self, pixels, constant):
        """What is asked for N x P x 2 pixels in (-1, 1), N x P x query."""
        at = 4 * self.shape.keypoint_octaves * self.shape.keypoints
        weight = self.first.weight[:, at:at + 4 * self.shape.pixel_octaves]
        return self.second(F.relu(encode(pixels, self.shape.pixel_octaves) @ weight.T + constant[:, None]))

    def ask(self, pixels, constant, memory):
        """N x P x 2 pixels in (-1, 1) -> N x P x 3 colours, not clamped."""
        x = self.queries(pixels, constant)
        for index, layer in enumerate(self.layers):
            x = layer(x, memory[2 * index], memory[2 * index + 1])
        for layer in self.render[:-1]:
            x = F.relu(layer(x))
        return self.render[-1](x)

    def forward(self, latent, pixels, keypoints, expression):
        """The same in one, as the paper writes it: each query holds the constant part and nothing is kept."""
        places = encode(keypoints.flatten(1), self.shape.keypoint_octaves)[:, None]
        count = pixels.shape[1]
        query = torch.cat([places.expand(-1, count, -1), encode(pixels, self.shape.pixel_octaves),
                           expression[:, None].expand(-1, count, -1)], -1)
        x = self.second(F.relu(self.first(query)))
        for layer in self.layers:
            x = layer(x, *layer.remember(latent))
        for layer in self.render[:-1]:
            x = F.relu(layer(x))
        return self.render[-1](x)


class Fsrt(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.keypoints = KeypointDetector(shape)
        self.expression = ExpressionNetwork(shape)
        self.encoder = Encoder(shape)
        self.decoder = Decoder(shape)

    def motion(self, pictures):
        """Keypoints and expression of N x 3 x S x S; no gradient reaches the keypoint detector."""
        with torch.no_grad():
            keypoints, heat, seen = self.keypoints(pictures)
        return keypoints, self.expression(seen, heat)

    def trained(self):
        """Parameters of all but the keypoint detector, which is frozen (section 3.3)."""
        return [p for part in (self.expression, self.encoder, self.decoder) for p in part.parameters()]
