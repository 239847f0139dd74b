"""The `portrait` networks: LSR's layout/style split (Meshry et al. 2021), made for real time.

Per person (once): `Encoder` turns each reference into a layout and a style code, the person's are
their means. Per frame: `LayoutPredictor` turns the geometry conditioning and z_l into a latent
layout; `Generator`, modulated by the layout (SPADE, Park et al. 2019, without its normalisation, so
that a crop and a whole picture give the same) and by z_s, looks at the references as the geometry
warps them and says for each how it is still to be shifted and how much of it to take, how much of
that to drop, and what to add. `compose` does what it says.

Pictures are RGB, 0-1, N x 3 x 256 x 256; references N x K x 3 x 256 x 256.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

CONDITIONING = 7
FACE = 2  # channel of the conditioning that says where the face is
TRUST = 4
LARGEST_SHIFT = 24.0  # pixels; a bound on what the network can do to a picture
SHIFT_UNIT = 4.0  # pixels for a 1 of the network's


@dataclass
class Shape:
    """Widths of the networks. The defaults are `portrait-256-cpu`'s."""

    code: int = 64
    layout: int = 32
    encoder: int = 24
    near: int = 16    # features of a reference at 128 x 128
    far: int = 32     # features of a reference at 64 x 64
    trunk: int = 48   # at 64 x 64
    deep: int = 64    # at 32 x 32
    deepest: int = 96  # at 16 x 16
    fine: int = 32    # at 128 x 128
    use_layout: bool = True
    use_codes: bool = True
    use_flow: bool = True


def conv(inputs, outputs, size=3, stride=1):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2)


def zero_conv(inputs, outputs, size=3, gain=0.0):
    layer = conv(inputs, outputs, size)
    nn.init.normal_(layer.weight, std=gain) if gain else nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def act(x):
    return F.leaky_relu(x, 0.2)


def upsample(x, factor=2):
    return F.interpolate(x, scale_factor=float(factor), mode='bilinear', align_corners=False)


class Film(nn.Module):
    """Scale and shift of channels by a code: AdaIN (Huang & Belongie 2017) without normalisation."""

    def __init__(self, code, channels):
        super().__init__()
        self.linear = nn.Linear(code, 2 * channels)
        nn.init.normal_(self.linear.weight, std=0.01)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x, code):
        scale, shift = self.linear(code)[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift


class Encoder(nn.Module):
    """A reference at 128 x 128 with its conditioning (10 channels) -> its layout and style codes."""

    def __init__(self, shape):
        super().__init__()
        w = shape.encoder
        widths = [3 + CONDITIONING, w, 2 * w, 4 * w, 4 * w]
        self.convs = nn.ModuleList(conv(a, b, stride=2) for a, b in zip(widths, widths[1:]))
        self.codes = nn.Linear(4 * w, 2 * shape.code)

    def forward(self, pictures, conditioning):
        x = torch.cat([pictures - 0.5, conditioning], 1)
        for layer in self.convs:
            x = act(layer(x))
        return self.codes(x.mean((2, 3))).chunk(2, 1)


class LayoutPredictor(nn.Module):
    """Conditioning N x 7 x 128 x 128 and z_l -> latent layout N x L x 64 x 64."""

    def __init__(self, shape):
        super().__init__()
        n = shape.layout
        self.enter = conv(CONDITIONING, n, stride=2)
        self.down1 = conv(n, 2 * n, stride=2)
        self.down2 = conv(2 * n, 3 * n, stride=2)
        self.middle = conv(3 * n, 3 * n)
        self.up1 = conv(5 * n, 2 * n)
        self.up0 = conv(3 * n, n)
        self.films = nn.ModuleList([Film(shape.code, 3 * n), Film(shape.code, 2 * n), Film(shape.code, n)])

    def forward(self, conditioning, code):
        x0 = act(self.enter(conditioning))
        x1 = act(self.down1(x0))
        x2 = act(self.down2(x1))
        x2 = x2 + act(self.films[0](self.middle(x2), code))
        x1 = act(self.films[1](self.up1(torch.cat([upsample(x2), x1], 1)), code))
        return self.films[2](self.up0(torch.cat([upsample(x1), x0], 1)), code)


class Spade(nn.Module):
    """A residual block, modulated by the layout in space and by the style over channels."""

    def __init__(self, channels, shape):
        super().__init__()
        self.modulate = zero_conv(shape.layout, 2 * channels, 1, 0.02)
        self.conv1 = conv(channels, channels)
        self.film = Film(shape.code, channels)
        self.conv2 = zero_conv(channels, channels, 3, 0.02)

    def forward(self, x, layout, style):
        scale, shift = self.modulate(layout).chunk(2, 1)
        h = act(x * (1 + scale) + shift)
        h = act(self.film(self.conv1(h), style))
        return x + self.conv2(h)


class Generator(nn.Module):
    """Warped references, what they are worth, layout and style -> flow, blend, pixels.

    Returns `flow` N x K x 2 x 64 x 64 (pixels of 256 to look beside in the reference, x then y),
    `hold` N x K x 64 x 64 (how much of the warp's motion to take back, -1 to 1), `blend` alike
    (factor on each reference's share), `paint` N x 4 x 256 x 256: R, G, B to add and
    how much of the references to drop, 0-1 (the foreground mask).
    """

    def __init__(self, shape):
        super().__init__()
        s = shape
        self.shape = s
        self.near = conv(3, s.near, stride=2)
        self.far = conv(s.near + TRUST, s.far, stride=2)
        self.score = conv(s.far, 1, 1)
        self.enter = conv(s.far + s.layout, s.trunk)
        self.down1 = conv(s.trunk, s.deep, stride=2)
        self.down2 = conv(s.deep, s.deepest, stride=2)
        self.block2 = Spade(s.deepest, s)
        self.up1 = conv(s.deepest, s.deep, 1)
        self.block1 = Spade(s.deep, s)
        self.up0 = conv(s.deep, s.trunk, 1)
        self.block0 = Spade(s.trunk, s)
        self.common = conv(s.trunk, s.fine, 1)
        self.own = conv(s.far, s.fine, 1)
        self.adjust = zero_conv(s.fine, 4, 3, 0.01)
        self.rise = conv(s.trunk, s.fine, 1)
        self.fine1 = conv(s.fine + s.near, s.fine)
        self.fine2 = conv(s.fine, s.fine)
        self.paint = zero_conv(s.fine, 16, 3, 0.005)
        with torch.no_grad():
            self.paint.bias[12:] = -3.0

    def forward(self, warped, trust, layout, style):
        n, k, _, height, width = warped.shape
        h, w = height // 4, width // 4
        near = act(self.near(warped.flatten(0, 1) - 0.5))
        far = act(self.far(torch.cat([near, trust.flatten(0, 1)], 1)))
        share = F.avg_pool2d(trust[:, :, 0].flatten(0, 1)[:, None], 2)
        score = (self.score(far) + torch.log(share + 0.02)).reshape(n, k, 1, h, w)
        weights = torch.softmax(score, 1)
        s = self.shape
        far_mean = (far.reshape(n, k, s.far, h, w) * weights).sum(1)
        fine_weights = upsample(weights.flatten(0, 1)).reshape(n, k, 1, 2 * h, 2 * w)
        near_mean = (near.reshape(n, k, s.near, 2 * h, 2 * w) * fine_weights).sum(1)

        layout1 = F.avg_pool2d(layout, 2)
        layout2 = F.avg_pool2d(layout1, 2)
        x0 = act(self.enter(torch.cat([far_mean, layout], 1)))
        x1 = act(self.down1(x0))
        x2 = act(self.down2(x1))
        x2 = self.block2(x2, layout2, style)
        x1 = self.block1(x1 + upsample(self.up1(x2)), layout1, style)
        x0 = self.block0(x0 + upsample(self.up0(x1)), layout, style)

        both = act(self.common(x0)[:, None] + self.own(far).reshape(n, k, s.fine, h, w))
        adjust = self.adjust(both.flatten(0, 1)).reshape(n, k, 4, h, w)
        flow = LARGEST_SHIFT * torch.tanh(adjust[:, :, :2] * (SHIFT_UNIT / LARGEST_SHIFT))
        hold = torch.tanh(adjust[:, :, 2])
        if not s.use_flow:
            flow, hold = flow * 0, hold * 0
        blend = torch.exp(adjust[:, :, 3].clamp(-6, 6))

        x = torch.cat([upsample(self.rise(x0)), near_mean], 1)
        x = act(self.fine1(x))
        x = x + act(self.fine2(x))
        paint = F.pixel_shuffle(self.paint(x), 2)
        return flow, hold, blend, torch.cat([paint[:, :3], torch.sigmoid(paint[:, 3:])], 1)


class Portrait(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.encoder = Encoder(shape)
        self.layout = LayoutPredictor(shape)
        self.generator = Generator(shape)

    def encode(self, pictures, conditioning, present):
        """References N x K x 3 x 128 x 128, conditioning, which of the K there are -> z_l, z_s."""
        n, k = pictures.shape[:2]
        codes = self.encoder(pictures.flatten(0, 1), conditioning.flatten(0, 1))
        share = (present / present.sum(1, keepdim=True)).reshape(n, k, 1)
        codes = [(code.reshape(n, k, -1) * share).sum(1) for code in codes]
        return codes if self.shape.use_codes else [code * 0 for code in codes]

    def decode(self, warped, trust, conditioning, layout_code, style):
        layout = self.layout(conditioning, layout_code)
        if not self.shape.use_layout:
            layout = layout * 0
        return self.generator(warped, trust, layout, style)


def full_share(trust):
    """Shares N x K x 128 x 128, which stand at every second pixel, at 256 x 256."""
    share = F.interpolate(trust[:, :, 0], size=(2 * trust.shape[-2] - 1, 2 * trust.shape[-1] - 1),
                          mode='bilinear', align_corners=True)
    return F.pad(share, (0, 1, 0, 1), mode='replicate')


def sample(pictures, positions):
    """Pictures N x K x 3 x 256 x 256 at positions N x K x 2 x H x W (pixels, centres at halves)."""
    n, k, _, height, width = positions.shape
    side = pictures.shape[-1]
    grid = positions.flatten(0, 1).permute(0, 2, 3, 1) * (2 / side) - 1
    made = F.grid_sample(pictures.flatten(0, 1), grid, mode='bilinear', padding_mode='border',
                         align_corners=False)
    return made.reshape(n, k, 3, height, width)


def compose(pictures, positions, pixels, trust, residual, flow, hold, blend, paint):
    """The picture: references shifted and blended, some of them dropped, pixels added.

    `positions` N x K x 2 x H x W: where each pixel, whose own place is `pixels` N x 2 x H x W, lies
    in each reference by the geometry; `residual` N x 3 x H x W: the appearance to add to them.
    """
    n, k, _, height, width = positions.shape
    grown = upsample(torch.cat([flow, hold[:, :, None], blend[:, :, None]], 2).flatten(0, 1), 4)
    grown = grown.reshape(n, k, 4, height, width)
    places = positions + grown[:, :, 2:3] * (pixels[:, None] - positions) + grown[:, :, :2]
    weights = full_share(trust) * grown[:, :, 3]
    weights = weights / (weights.sum(1, keepdim=True) + 1e-6)
    base = (sample(pictures, places) * weights[:, :, None]).sum(1) + residual
    return base * (1 - paint[:, 3:]) + paint[:, :3]
