"""The networks as the codec splits them: what a sender runs on a frame (`keypoints`, `expression`), what a receiver runs
on a person (those, and `enrolment`) and on a frame (`query`, and `decoder` tile by tile)."""
import torch
from torch import nn

from common.onnx_export import export

OPSET = 17
MEMORY = ['keys0', 'values0', 'keys1', 'values1']


class Keypoints(nn.Module):
    """pictures K x 3 x S x S -> keypoints K x 10 x 2, heat K x 10 x H x H, features K x F x S/4 x S/4."""

    def __init__(self, model):
        super().__init__()
        self.net = model.keypoints

    def forward(self, pictures):
        return self.net(pictures)


class Expression(nn.Module):
    """features and heat -> expression K x |e|."""

    def __init__(self, model):
        super().__init__()
        self.net = model.expression

    def forward(self, features, heat):
        return self.net(features, heat)


class Enrolment(nn.Module):
    """K sources with their keypoints and expressions -> keys (heads x C x T) and values (heads x T x C) of both
    cross-attentions, T = K (S/patch)^2. The keys are scaled by C^-1/2."""

    def __init__(self, model):
        super().__init__()
        self.encoder, self.decoder = model.encoder, model.decoder

    def forward(self, pictures, keypoints, expression):
        latent = self.encoder(pictures[None], keypoints[None], expression[None])
        return tuple(part[0] for part in self.decoder.remember(latent))


class Query(nn.Module):
    """keypoints 1 x 10 x 2 and expression 1 x |e| of a frame -> what they add to the first layer, 1 x hidden."""

    def __init__(self, model):
        super().__init__()
        self.decoder = model.decoder

    def forward(self, keypoints, expression):
        return self.decoder.constant(keypoints, expression)


class Tile(nn.Module):
    """pixels P x 2 in (-1, 1), the frame's constant 1 x hidden, keys and values -> colours P x 3, not clamped."""

    def __init__(self, model):
        super().__init__()
        self.decoder = model.decoder

    def forward(self, pixels, constant, *memory):
        return self.decoder.ask(pixels[None], constant, [part[None] for part in memory])[0]


@torch.no_grad()
def examples(model, sources=2, pixels=96, seed=0):
    """For each graph by name: the module, example inputs by name, names of its outputs, axes of any length."""
    random = torch.Generator().manual_seed(seed)
    shape = model.shape
    pictures = torch.rand(sources, 3, shape.size, shape.size, generator=random)
    keypoints, heat, seen = model.keypoints(pictures)
    expression = model.expression(seen, heat)
    memory = Enrolment(model)(pictures, keypoints, expression)
    frame = {'keypoints': keypoints[:1], 'expression': expression[:1]}
    places = 2 * torch.rand(pixels, 2, generator=random) - 1
    many = {0: 'sources'}
    tokens = {'keys0': {2: 'tokens'}, 'values0': {1: 'tokens'}, 'keys1': {2: 'tokens'}, 'values1': {1: 'tokens'}}
    return {
        'keypoints': (Keypoints(model), {'pictures': pictures}, ['keypoints', 'heat', 'features'],
                      {name: many for name in ('pictures', 'keypoints', 'heat', 'features')}),
        'expression': (Expression(model), {'features': seen, 'heat': heat}, ['expression'],
                       {name: many for name in ('features', 'heat', 'expression')}),
        'enrolment': (Enrolment(model), {'pictures': pictures, 'keypoints': keypoints, 'expression': expression},
                      MEMORY, {**{name: many for name in ('pictures', 'keypoints', 'expression')}, **tokens}),
        'query': (Query(model), frame, ['constant'], {}),
        'decoder': (Tile(model), {'pixels': places, 'constant': model.decoder.constant(*frame.values()),
                                  **dict(zip(MEMORY, memory))}, ['colours'],
                    {'pixels': {0: 'pixels'}, 'colours': {0: 'pixels'}, **tokens}),
    }


def graph(example):
    """The ONNX model of an entry of `examples`."""
    module, inputs, outputs, axes = example
    return export(module, inputs, outputs, OPSET, axes)
