"""The tracker's network: MediaPipe's Face Mesh (192 × 192), with irises and refined eyes and lips.

Input: (n, 3, 192, 192), RGB 0–1, an upright square of 1.5 times the face. Output: (n, 478, 3) points
in input pixels (z in the scale of x) and (n) presence logits. The trunk is that of Face Mesh
(Kartynnik et al. 2019; blocks as in BlazeFace), so that its published weights can be the start.
Three small refiners look at the first stage's features around each eye and the mouth again, at
full resolution, placed by the coarse points (as Attention Mesh does, Grishchenko et al. 2020).
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from .points import LIPS, MESH, POINTS, R, grown

SIDE = 192
CELL = 2  # input pixels per cell of the first stage's features
CELLS = SIDE // CELL
# Cells along a side of what a refiner sees. Between the irises lie about 24 cells.
EYE_CELLS, MOUTH_CELLS = 24, 48
RIGHT_POINTS = grown(R['RIGHT_LIDS'], 2) + R['RIGHT_IRIS']
LEFT_POINTS = grown(R['LEFT_LIDS'], 2) + R['LEFT_IRIS']
MOUTH_POINTS = grown(LIPS, 1)
WINDOWS = [(RIGHT_POINTS, EYE_CELLS), (LEFT_POINTS, EYE_CELLS), (MOUTH_POINTS, MOUTH_CELLS)]
REFINED = RIGHT_POINTS + LEFT_POINTS + MOUTH_POINTS


class Block(nn.Module):
    """Depthwise 3 × 3, pointwise, residual, PReLU; with stride 2 the shortcut is a max pool."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, stride, 0 if stride == 2 else 1,
                                   groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        self.activation = nn.PReLU(outputs)
        self.stride, self.grow = stride, outputs - inputs

    def forward(self, x):
        short = x
        if self.stride == 2:
            x = F.pad(x, (0, 1, 0, 1))  # TensorFlow's SAME
            short = F.max_pool2d(short, 2)
        if self.grow:
            short = F.pad(short, (0, 0, 0, 0, 0, self.grow))
        return self.activation(short + self.pointwise(self.depthwise(x)))


def stage(inputs, outputs, blocks):
    return [Block(inputs, outputs, 2), *[Block(outputs, outputs) for _ in range(blocks - 1)]]


def head(inputs, hidden, outputs):
    """From 3 × 3 cells to numbers."""
    return nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.PReLU(hidden), Block(hidden, hidden),
                         nn.Conv2d(hidden, outputs, 3))


class FaceMesh(nn.Module):
    """Face Mesh with 478 points. `stem`'s output are the features that the refiners see."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, 2)
        self.stem = nn.Sequential(nn.PReLU(16), Block(16, 16), Block(16, 16))
        self.trunk = nn.Sequential(*stage(16, 32, 3), *stage(32, 64, 3), *stage(64, 128, 3),
                                   *stage(128, 128, 3))
        self.points = nn.Sequential(*stage(128, 128, 3), head(128, 32, POINTS * 3))
        self.presence = nn.Sequential(*stage(128, 128, 1), head(128, 32, 1))

    def early(self, image):
        return self.stem(self.first(F.pad(image, (0, 1, 0, 1))))

    def late(self, features):
        x = self.trunk(features)
        return self.points(x).flatten(1).view(-1, POINTS, 3), self.presence(x).flatten()

    def load_onnx(self, path):
        """Takes the weights of facemesh.onnx (468 points); an iris starts as the mean of its lids."""
        import onnx
        from onnx import numpy_helper

        graph = onnx.load(path).graph
        stored = {i.name: torch.tensor(numpy_helper.to_array(i)).float() for i in graph.initializer}
        for node in graph.node:
            if node.op_type == 'Cast':
                stored[node.output[0]] = stored[node.input[0]]
        values = [stored[name] for node in graph.node if node.op_type in ('Conv', 'PRelu')
                  for name in node.input[1:]]
        state = self.state_dict()
        if len(values) != len(state):
            raise SystemExit(f'{path} is not the facemesh.onnx of training/convert_facemesh.py')
        for name, value in zip(state, values):
            if value.shape[0] == MESH * 3:
                irises = [value.view(MESH, 3, -1)[R[lids]].mean(0).repeat(5, 1, 1)
                          for lids in ('RIGHT_LIDS', 'LEFT_LIDS')]
                value = torch.cat([value.view(MESH, 3, -1), *irises])
            state[name] = value.reshape(state[name].shape)
        self.load_state_dict(state)


class Refiner(nn.Module):
    """Local x, y (in cells, from the middle of the window) of `count` points in a window of cells."""

    def __init__(self, inputs, count, cells):
        super().__init__()
        blocks = [Block(32, 32), Block(32, 32), *stage(32, 64, 3), *stage(64, 64, 2)]
        if cells > 24:
            blocks += stage(64, 64, 2)
        self.first = nn.Conv2d(inputs, 32, 3, 2)
        self.blocks = nn.Sequential(nn.PReLU(32), *blocks, head(64, 48, count * 2))
        self.coarse_share = nn.Parameter(torch.ones(count, 1))
        nn.init.zeros_(self.blocks[-1][-1].weight)
        nn.init.zeros_(self.blocks[-1][-1].bias)

    def forward(self, window, coarse):
        seen = self.blocks(self.first(F.pad(window, (0, 1, 0, 1)))).flatten(1)
        return seen.view_as(coarse) + self.coarse_share * coarse


def window(features, centre, cells):
    """(n, c, cells, cells) around (n, 2) centres in cells."""
    offset = torch.arange(cells, dtype=torch.float32, device=centre.device) - (cells - 1) / 2
    n = centre.shape[0]
    x = (centre[:, 0, None] + offset).view(n, 1, cells).expand(n, cells, cells)
    y = (centre[:, 1, None] + offset).view(n, cells, 1).expand(n, cells, cells)
    grid = torch.stack([x, y], 3) * (2 / CELLS) - 1
    return F.grid_sample(features, grid, align_corners=False)


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.mesh = FaceMesh()
        inputs = 16 + 3 * CELL * CELL
        self.refiners = nn.ModuleList(Refiner(inputs, len(p), cells) for p, cells in WINDOWS)
        order = list(range(POINTS))
        for place, point in enumerate(REFINED):
            order[point] = POINTS + place
        self.register_buffer('order', torch.tensor(order), persistent=False)
        # pixel_unshuffle as a convolution, which onnxruntime does five times as fast.
        unshuffle = torch.eye(3 * CELL * CELL).view(-1, 3, CELL, CELL)
        self.register_buffer('unshuffle', unshuffle, persistent=False)

    def coarse(self, image):
        """Coarse points (n, 478, 3), presence logits (n), and the features that `refine` wants."""
        features = self.mesh.early(image)
        return *self.mesh.late(features), features

    def refine(self, image, features, coarse):
        """The coarse points with lids, irises and lips as the refiners see them."""
        features = torch.cat([features, F.conv2d(image, self.unshuffle, stride=CELL)], 1)
        xy = coarse[..., :2].detach() / CELL
        refined = []
        for refiner, (points, cells) in zip(self.refiners, WINDOWS):
            part = xy[:, points]
            centre = (part.amin(1) + part.amax(1)) / 2
            local = part - centre[:, None]
            refined.append(refiner(window(features, centre, cells), local) + centre[:, None])
        fine = torch.cat([torch.cat(refined, 1) * CELL, coarse[:, REFINED, 2:]], 2)
        return torch.cat([coarse, fine], 1)[:, self.order]

    def forward(self, image):
        """Coarse points, refined points, presence logits: what training compares."""
        coarse, presence, features = self.coarse(image)
        return coarse, self.refine(image, features, coarse), presence
