"""The published checkpoints' layout: a dictionary of state dicts (`encoder`, `decoder`, `expression_encoder`), and the
keypoint detector's in a file of its own. Names and shapes are facts of the public repository (andrerochow/fsrt); nothing
else of it is here.
"""
import collections
import re
import sys

import torch

from common.checkpoint import read_checkpoint

from .model import Fsrt
from .shape import Shape, small_decoder

# Of each part: its entry in the checkpoint, and what its own names are called there.
LAYER = [(r'^(.*)layers\.(\d+)\.norm\.', r'\1transformer.layers.\2.0.norm.'),
         (r'^(.*)layers\.(\d+)\.all\.', r'\1transformer.layers.\2.0.fn.to_qkv.'),
         (r'^(.*)layers\.(\d+)\.queries\.', r'\1transformer.layers.\2.0.fn.to_q.'),
         (r'^(.*)layers\.(\d+)\.keys_values\.', r'\1transformer.layers.\2.0.fn.to_kv.'),
         (r'^(.*)layers\.(\d+)\.out\.', r'\1transformer.layers.\2.0.fn.to_out.0.'),
         (r'^(.*)layers\.(\d+)\.mlp\.norm\.', r'\1transformer.layers.\2.1.norm.'),
         (r'^(.*)layers\.(\d+)\.mlp\.into\.', r'\1transformer.layers.\2.1.fn.net.0.'),
         (r'^(.*)layers\.(\d+)\.mlp\.out\.', r'\1transformer.layers.\2.1.fn.net.3.')]
PIXELS = 'allocation_transformer.'
NAMES = {
    'keypoints': [(r'^smaller\.', 'down.'), (r'^down\.(\d)', r'predictor.encoder.down_blocks.\1'),
                  (r'^up\.', 'predictor.decoder.up_blocks.'), (r'^heat\.', 'kp.')],
    'expression': [(r'^conv\.', 'expression.'), (r'^mlp\.(\d)', lambda m: f'expression_mlp.{2 * int(m[1])}')],
    'encoder': [(r'^patches\.convs\.(\d)',
                 lambda m: f'conv_blocks.{int(m[1]) // 2}.layers.{2 * (int(m[1]) % 2)}'),
                (r'^patches\.out\.', 'per_patch_linear.'), *LAYER],
    'decoder': [(r'^first\.', PIXELS + 'input_mlp.0.'), (r'^second\.', PIXELS + 'input_mlp.2.'),
                (r'^render\.(\d)', lambda m: f'render_mlp.{2 * int(m[1])}'), (r'^layers\.', PIXELS + 'layers.'), *LAYER],
}
ENTRIES = {'expression': 'expression_encoder', 'encoder': 'encoder', 'decoder': 'decoder'}
MOST_NAMED = 4


def published_name(part, name):
    """What a tensor of a part of ours is called in the published files."""
    for pattern, replacement in NAMES[part]:
        changed = re.sub(pattern, replacement, name)
        if changed != name:
            name = changed
            if not name.startswith(PIXELS + 'layers.'):
                return name
    return name


def published_state(model):
    """The two files' contents for a model: keypoint detector, and the others by entry."""
    renamed = {part: collections.OrderedDict((published_name(part, name), tensor)
                                             for name, tensor in getattr(model, part).state_dict().items())
               for part in NAMES}
    return renamed.pop('keypoints'), {ENTRIES[part]: state for part, state in renamed.items()}


def shape_of(checkpoint):
    """Which of the published shapes a checkpoint has: |e|, and whether its decoder is the small one."""
    expression = checkpoint['expression_encoder'].get('expression_mlp.6.weight')
    size = expression.shape[0] if hasattr(expression, 'shape') and expression.dim() == 2 else 256
    large = any(name.startswith('render_mlp.8.') for name in checkpoint['decoder'])
    return Shape(expression=size) if large else small_decoder(expression=size)


def listed(names):
    more = f' and {len(names) - MOST_NAMED} more' if len(names) > MOST_NAMED else ''
    return ', '.join(sorted(names)[:MOST_NAMED]) + more


def take(module, part, state, where):
    """Loads a part's state dict; what is missing, extra or of another shape ends the program with its names."""
    own = module.state_dict()
    wanted = {published_name(part, name): name for name in own}
    missing, extra = wanted.keys() - state.keys(), state.keys() - wanted.keys()
    if missing:
        sys.exit(f'{where} lacks {listed(missing)}')
    if extra:
        sys.exit(f'{where} has {listed(extra)}, which FSRT has not')
    for theirs, ours in wanted.items():
        found = tuple(getattr(state[theirs], 'shape', ())) if torch.is_tensor(state[theirs]) else None
        if found != tuple(own[ours].shape):
            sys.exit(f'{where}: {theirs} is of shape {found}, not {tuple(own[ours].shape)}')
    module.load_state_dict({ours: state[theirs] for theirs, ours in wanted.items()})


def load_published(checkpoint_path, keypoints_path):
    """The model of two published files; entries of the checkpoint beside the three (optimisers, counters) are left."""
    checkpoint = read_checkpoint(checkpoint_path)
    for entry in ENTRIES.values():
        if not isinstance(checkpoint.get(entry), dict):
            sys.exit(f'{checkpoint_path} lacks the entry {entry}')
    model = Fsrt(shape_of(checkpoint))
    for part, entry in ENTRIES.items():
        take(getattr(model, part), part, checkpoint[entry], f'{checkpoint_path}: {entry}')
    take(model.keypoints, 'keypoints', read_checkpoint(keypoints_path), keypoints_path)
    return model.eval()
