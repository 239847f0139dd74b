"""Weights under which FSRT shows the source as it stands, before it has learnt anything: a short training does not find out
where a pixel has to look. `carry` takes colours through all networks, `aim` lets a pixel look at its own place; how things
move is then learnt from there, and all weights are trained."""
import math

import torch
from torch import nn

from .encoding import encode, pixel_grid

COLOURS = 3
AIMED_OCTAVES = 2   # of x and y, by which a head tells how near a token is
PLACES = 4 * AIMED_OCTAVES
SHARPNESS = 300.0   # logit of the token at the pixel's own place
RIDGE = 1e-5
HALF = 0.5 ** 0.5   # the sine in the middle of a pixel, of four a turn
GATE = 1.2          # more than any colour: what shuts a ReLU


@torch.no_grad()
def carry(model):
    """A token's first numbers become the mean colours of its picture's four quarters (RGB, 12 in all) and its place, as the two
    coarsest octaves encode it (8); a pixel gets the colours that the first head of the first cross-attention looks at, those of the
    quarter that it lies in where tokens are of 4 x 4 pixels, else their mean. Nothing is done in networks too narrow for that."""
    shape, tokens = model.shape, 4 * COLOURS + PLACES
    room = [(shape.patch_width, COLOURS + 2 * PLACES), (shape.width, tokens), (shape.head, 4 * COLOURS),
            (shape.query_hidden, 2 * PLACES + 4), *((width, 4 * COLOURS) for width in shape.render_widths)]
    if all(width >= least for width, least in room):
        carry_to_tokens(model.encoder)
        carry_to_pixels(model.decoder)


def carry_to_tokens(encoder):
    """Colours are positive and pass every ReLU; places pass in two halves."""
    first, *others = encoder.patches.convs
    pixels, octaves = encoder.patches.pixels[0], encoder.shape.pixel_octaves
    colours, places = [*range(COLOURS)], [*range(COLOURS, COLOURS + 2 * PLACES)]
    first.weight[colours + places] = 0
    first.weight[colours, colours, 1, 1] = 1
    for index in range(PLACES):
        channel = pixels + index // AIMED_OCTAVES * octaves + index % AIMED_OCTAVES
        first.weight[places[2 * index], channel, 1, 1] = 1
        first.weight[places[2 * index + 1], channel, 1, 1] = -1
    for conv in others:
        if conv.stride[0] == 1:
            conv.weight[colours + places] = 0
            conv.weight[colours + places, colours + places, 1, 1] = 1
            continue
        count, before = len(colours), places
        colours = [*range(4 * COLOURS)]
        places = [*range(len(colours), len(colours) + 2 * PLACES)]
        conv.weight[colours + places] = 0
        for quarter in range(4):
            y, x = 1 + quarter // 2, 1 + quarter % 2
            for channel in range(count):
                conv.weight[COLOURS * quarter + channel % COLOURS, channel, y, x] = COLOURS / count
            conv.weight[places, before, y, x] = 1 / 4
    out, own = encoder.patches.out, [*range(len(colours) + PLACES)]
    silent(out, own)
    out.weight[colours, colours] = 1
    for index, row in enumerate(own[len(colours):]):
        out.weight[row, places[2 * index]] = 1
        out.weight[row, places[2 * index + 1]] = -1
    for layer in encoder.layers:
        silent(layer.out, own)
        silent(layer.mlp.out, own)


def carry_to_pixels(decoder):
    """The colours in a pixel's first numbers, its place in the next."""
    colours = [*range(4 * COLOURS)]
    place, halves = carry_place(decoder, len(colours))
    silent(decoder.second, colours)
    for layer in decoder.layers:
        silent(layer.mlp.out, colours + place)
        silent(layer.out, colours + place)
    looking = decoder.layers[0]
    looking.out.weight[colours, colours] = 1
    _, values = looking.keys_values.weight.chunk(2)
    values[colours] = 0
    values[colours, colours] = 1
    for layer in decoder.render[:-1]:
        silent(layer, colours)
        layer.weight[colours, colours] = 1
    for channel in colours if halves else []:
        quarter = decoder.render[0]
        for half, bit in zip(halves, (1, 2)):
            quarter.weight[channel, half] = (-1 if channel // COLOURS & bit else 1) * GATE / (2 * HALF)
        quarter.bias[channel] = -GATE
    last = decoder.render[-1]
    last.bias.zero_()
    last.weight.mul_(0.1)
    for channel in colours:
        last.weight[:, channel] = 0
        last.weight[channel % COLOURS, channel] = 1 if halves else COLOURS / len(colours)


def carry_place(decoder, at):
    """Numbers of a pixel, from `at` on: its place in the coarsest octaves, and where tokens are of 4 x 4 pixels and that is encoded, the
    two sines whose turn is a token: HALF in its left or upper half and -HALF in the other. Gives the rows of all, and of those two."""
    shape = decoder.shape
    octaves = [(kind, octave) for kind in range(4) for octave in range(AIMED_OCTAVES)]
    fine = round(math.log2(2 * shape.size / shape.patch))
    if shape.patch == 4 and fine < shape.pixel_octaves:
        octaves += [(0, fine), (1, fine)]
    begins = 4 * shape.keypoint_octaves * shape.keypoints
    rows = [*range(at, at + len(octaves))]
    silent(decoder.first, [*range(2 * len(rows))])
    silent(decoder.second, rows)
    for index, (kind, octave) in enumerate(octaves):
        for half, sign in enumerate((1, -1)):
            decoder.first.weight[2 * index + half, begins + kind * shape.pixel_octaves + octave] = sign
            decoder.second.weight[rows[index], 2 * index + half] = sign
    return rows, rows[PLACES:]


def silent(layer, rows):
    """Those outputs of a layer become nothing."""
    layer.weight[rows] = 0
    layer.bias[rows] = 0


@torch.no_grad()
def aim(model, pictures, pixels=256):
    """Half of the heads of both cross-attentions begin by looking at the source where the pixel lies, as a person who sits still
    asks for; where to look once they move is then learnt from there. `pictures` N x 3 x S x S: some to be trained on. Queries
    and keys are fitted (ridge regression) to the coarse octaves of their places."""
    decoder, shape = model.decoder, model.shape
    keypoints, expression = model.motion(pictures)
    latent = model.encoder(pictures[:, None], keypoints[:, None], expression[:, None])
    tokens = pixel_grid(shape.size // shape.patch, pictures.device).flatten(0, 1)
    asked = 2 * torch.rand(pixels, 2, device=pictures.device) - 1
    everyone = lambda places: places.expand(len(pictures), -1, -1)
    x = decoder.queries(everyone(asked), decoder.constant(keypoints, expression))
    for layer in decoder.layers:
        aimed = shape.decoder_heads // 2 * shape.head
        layer.queries.weight[:aimed] = fitted(layer.norm(x), everyone(directions(asked, shape)), aimed)
        layer.keys_values.weight[:aimed] = fitted(latent, everyone(directions(tokens, shape)), aimed)
        x = layer(x, *layer.remember(latent))


def directions(places, shape):
    """... x C: the product of two is SHARPNESS C^1/2 where the places are the same, and falls with the distance."""
    values = encode(places, AIMED_OCTAVES) * math.sqrt(SHARPNESS * shape.head ** 0.5 / (2 * AIMED_OCTAVES))
    return nn.functional.pad(values, (0, shape.head - values.shape[-1]))


def fitted(inputs, wanted, rows):
    """Weights, `rows` x inputs, of the linear layer that comes closest to `wanted`, for each head the same."""
    inputs, wanted = inputs.flatten(0, -2), wanted.flatten(0, -2)
    square = inputs.T @ inputs / len(inputs)
    ridge = RIDGE * square.diagonal().mean() * torch.eye(len(square), device=square.device)
    weight = torch.linalg.solve(square + ridge, inputs.T @ wanted / len(inputs)).T
    return weight.repeat(rows // len(weight), 1)
