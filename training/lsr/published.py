"""Reads the published LSR checkpoint (github.com/MoustafaMeshry/lsr, TensorFlow 2) as an `Lsr`.

Takes an .npz of the checkpoint's variables by name, which `dump_checkpoint.py` makes where there is
TensorFlow; this needs none. Names are the object paths that `tf.train.Checkpoint` gives the public code's
networks, without its suffix: kernels are H x W x in x out and in x out, pictures H x W x C. What
belongs to none of the four networks (optimisers, the discriminator, counters) is passed over.
"""
import re

import numpy as np
import torch

from .model import Lsr, Shape

SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE'
NETWORKS = ('layout_encoder', 'encoder', 'layout_generator', 'generator')
MOST_NAMED = 3  # variables that a message names


class CheckpointError(Exception):
    """A checkpoint that is not LSR's; the message says what is wrong in one line."""


def conv(name, source, bias=True):
    """Pairs (our name, theirs, how to turn theirs into ours) of a convolution."""
    pairs = [(f'{name}.weight', f'{source}/kernel', lambda a: a.transpose(3, 2, 0, 1))]
    return pairs + ([(f'{name}.bias', f'{source}/bias', None)] if bias else [])


def dense(name, source, side=1, of_inputs=False, of_outputs=False):
    """As `conv`, of a dense layer; `side`: of the picture that its inputs or outputs are, rows first."""
    def inner(a):
        return a.reshape(side, side, -1, a.shape[1]).transpose(2, 0, 1, 3).reshape(a.shape) if of_inputs else a

    def outer(a):
        return a.reshape(-1, side, side, a.shape[-1] // side ** 2).transpose(0, 3, 1, 2).reshape(a.shape) if of_outputs else a

    return [(f'{name}.weight', f'{source}/kernel', lambda a: outer(inner(a)).T),
            (f'{name}.bias', f'{source}/bias', lambda a: outer(a[None])[0])]


def encoder(name, source, shape):
    side = shape.size >> shape.encoder_downs
    pairs = conv(f'{name}.enter', f'{source}/blocks/0')
    for i in range(shape.encoder_downs):
        ours, theirs = f'{name}.blocks.{i}', f'{source}/blocks/{2 + 2 * i}'
        pairs += conv(f'{ours}.conv0', f'{theirs}/conv_block0') + conv(f'{ours}.conv1', f'{theirs}/conv_block1')
        pairs += conv(f'{ours}.shortcut', f'{theirs}/shortcut', bias=False)
    return pairs + dense(f'{name}.code', f'{source}/fc_z', side, of_inputs=True)


def layout_generator(name, source, shape):
    pairs = []
    for i in range(shape.ups):
        ours, theirs = f'{name}.downs.{i}', f'{source}/encoder_blocks/{i}/blocks/0'
        pairs += conv(f'{ours}.shortcut', f'{theirs}/conv_shortcut', bias=False)
        for part in ('conv0', 'conv1'):
            pairs += conv(f'{ours}.{part}', f'{theirs}/{part}')
        ours, theirs = f'{name}.ups.{i}', f'{source}/decoder_blocks/{i}/resblock_up_fn'
        pairs += conv(f'{ours}.shortcut', f'{theirs}/conv_shortcut', bias=False)
        for part in ('conv0', 'conv1'):
            pairs += conv(f'{ours}.{part}', f'{theirs}/{part}')
        for part in ('norm0', 'norm1'):
            pairs += dense(f'{ours}.{part}.linear', f'{theirs}/{part}/dense')
    return pairs + conv(f'{name}.leave', f'{source}/output_conv')


def image_generator(name, source, shape):
    pairs = dense(f'{name}.enter', f'{source}/blocks/0', shape.size >> shape.ups, of_outputs=True)
    for i in range(shape.ups + 1):
        ours, theirs = f'{name}.blocks.{i}', f'{source}/blocks/{2 + 2 * i}'
        for norm, part, block in (('norm0', 'conv0', 'conv_block0'), ('norm1', 'conv1', 'conv_block1'),
                                  ('norm_shortcut', 'shortcut', 'shortcut')):
            spade = f'{theirs}/{block}/spade_norm'
            pairs += conv(f'{ours}.{norm}.project', f'{spade}/conv0')
            pairs += conv(f'{ours}.{norm}.scale', f'{spade}/gamma_conv')
            pairs += conv(f'{ours}.{norm}.shift', f'{spade}/beta_conv')
            pairs += conv(f'{ours}.{part}', f'{theirs}/{block}/conv', bias=part != 'shortcut')
    return pairs + conv(f'{name}.leave', f'{source}/to_rgb')


def pairs_of(model):
    """All pairs, without those of shortcuts that a model has not."""
    shape, own = model.shape, model.state_dict()
    pairs = [*encoder('layout_encoder', 'layout_encoder', shape), *encoder('style_encoder', 'encoder', shape),
             *layout_generator('layout_generator', 'layout_generator', shape),
             *image_generator('image_generator', 'generator', shape)]
    return [pair for pair in pairs if pair[0] in own]


def plain_name(name):
    """A variable's name without the suffix and without what a Keras Sequential calls its layers."""
    return re.sub(r'/layer(_with_weights)?-\d+(?=/)', '', name.removesuffix(SUFFIX))


def shapes_of(model):
    """Names and shapes of the checkpoint that a model would be read from."""
    own = model.state_dict()
    return {theirs: theirs_shape(own[ours].shape) for ours, theirs, _ in pairs_of(model)}


def theirs_shape(ours):
    return {4: lambda o, i, h, w: (h, w, i, o), 2: lambda o, i: (i, o), 1: lambda n: (n,)}[len(ours)](*ours)


def listed(names):
    names = sorted(names)
    more = f' and {len(names) - MOST_NAMED} more' if len(names) > MOST_NAMED else ''
    return ', '.join(names[:MOST_NAMED]) + more


@torch.no_grad()
def read_variables(variables, shape=Shape()):
    """An `Lsr` of the arrays in `variables` (a mapping by name). A CheckpointError where one of the four
    networks lacks a variable, has one too many, or one of another shape or type."""
    model = Lsr(shape)
    wanted = shapes_of(model)
    found = {plain_name(name): name for name in variables if name.split('/')[0] in NETWORKS
             and '.OPTIMIZER_SLOT' not in name}
    if not found:
        raise CheckpointError('no variable of LSR in it: give what dump_checkpoint.py makes of the checkpoint')
    missing, extra = set(wanted) - set(found), set(found) - set(wanted)
    if missing:
        raise CheckpointError(f'it lacks {listed(missing)}')
    if extra:
        raise CheckpointError(f'it has variables that LSR has not: {listed(extra)}')
    for ours, theirs, turned in pairs_of(model):
        array = variables[found[theirs]]
        if array.dtype != np.float32 or array.shape != wanted[theirs]:
            raise CheckpointError(f'{theirs} is {array.dtype} of shape {list(array.shape)}, not float32 of '
                                  f'{list(wanted[theirs])}')
        array = np.ascontiguousarray(turned(array) if turned else array)
        model.get_parameter(ours).copy_(torch.from_numpy(array))
    return model.eval()
