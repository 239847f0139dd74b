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
    stride of 2, and one of 1 x 1."""

    def __init__(self, shape):
        super().__init__()
        widths, last = [], 3 + shape.query
        for block in range(3):
            first = shape.patch_width if block == 0 else last
            widths += [(last, first, 1), (first, 2 * first, 2)]
            last = 2 * first
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride, 1, bias=False) for a, b, stride in widths)
        self.out = nn.Conv2d(last, shape.width, 1)

    def forward(self, x):
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.out(x)


class Encoder(nn.Module):
    """Sources (N x K pictures) -> the set-latent N x K (S/8)^2 x width (equations 1 and 6)."""

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
        everywhere = lambda x: x[:, :, None, None].expand(-1, -1, size, size)
        pixels = encode(pixel_grid(size, pictures.device), self.shape.pixel_octaves).permute(2, 0, 1)
        places = encode(keypoints.flatten(0, 1).flatten(1), self.shape.keypoint_octaves)
        x = torch.cat([pictures, everywhere(places), pixels.expand(count * sources, -1, -1, -1),
                       everywhere(expressions.flatten(0, 1))], 1)
        x = self.patches(x).flatten(2).transpose(1, 2)
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

    def ask(self, pixels, constant, memory):
        """N x P x 2 pixels in (-1, 1) -> N x P x 3 colours, not clamped."""
        at = 4 * self.shape.keypoint_octaves * self.shape.keypoints
        weight = self.first.weight[:, at:at + 4 * self.shape.pixel_octaves]
        x = encode(pixels, self.shape.pixel_octaves) @ weight.T + constant[:, None]
        x = self.second(F.relu(x))
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
