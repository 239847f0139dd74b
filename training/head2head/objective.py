"""What Head2HeadFS minimises (Doukas et al. 2021, section 3.3), of a batch of `head2head.data`."""
from typing import NamedTuple

import torch
import torch.nn.functional as F

from .data import flows, mouths
from .discriminators import TEMPORAL_FRAMES, TEMPORAL_SCALES
from .losses import discriminator_hinge, feature_matching, generator_hinge, match_loss, perceptual_loss
from .networks import advanced


class Made(NamedTuple):
    """Pictures N x L x 3 x S x S and masks N x L x 1 x S x S."""

    pictures: torch.Tensor
    masks: torch.Tensor


def generate(model, batch, style):
    """One frame after the other (equation 5); as in vid2vid, no gradient goes back through the frames before."""
    past = batch['past']
    pictures, masks = [], []
    for nmfc in batch['nmfc'].unbind(1):
        picture, mask = model.generator(nmfc, past, style)
        past = advanced(past, picture.detach())
        pictures.append(picture)
        masks.append(mask)
    return Made(torch.stack(pictures, 1), torch.stack(masks, 1))


def windows(frames, scale):
    """Whether K pictures `scale` frames apart fit into a sequence, and where they lie: from its end, so that
    they are far from the black that it may begin with."""
    first = frames - 1 - (TEMPORAL_FRAMES - 1) * scale
    return list(range(first, frames, scale)) if first >= 0 else []




def judge(discriminators, pictures, batch, flow):
    """Scores and features of D^I, D^M and each D^V that the sequence is long enough for, by name."""
    size = pictures.shape[-1]
    channels = batch['nmfc'].shape[2] // 3
    flat, nmfc = pictures.flatten(0, 1), batch['nmfc'].flatten(0, 1)[:, -channels:]
    person = batch['person'].repeat_interleave(pictures.shape[1])
    made = {
        'image': discriminators.image(flat, nmfc, person),
        'mouth': discriminators.mouth(mouths(flat, batch['mouth'].flatten(0, 1), size)),
    }
    for scale, network in zip(TEMPORAL_SCALES, discriminators.temporal):
        if scale in flow:
            made[f'temporal{scale}'] = network(pictures[:, windows(pictures.shape[1], scale)], flow[scale])
    return made


def flow_of(target):
    """The real flow between the pictures that each temporal scale looks at."""
    places = {scale: windows(target.shape[1], scale) for scale in TEMPORAL_SCALES}
    return {scale: flows(target[:, at]) for scale, at in places.items() if at}


def generator_terms(made, batch, discriminators, flow):
    """Terms of L_G (and of L_E, but for the match), each before its factor."""
    target = batch['target']
    terms = {
        'perceptual': perceptual_loss(made.pictures.flatten(0, 1), target.flatten(0, 1)),
        'mask': F.l1_loss(made.masks, batch['mask']),
    }
    if discriminators is None:
        # Nobody looks at the mouth closely, as D^M does: its crops count once more.
        corners, size = batch['mouth'].flatten(0, 1), target.shape[-1]
        terms['mouth'] = perceptual_loss(*(mouths(x.flatten(0, 1), corners, size) for x in (made.pictures, target)))
        return terms
    fake = judge(discriminators, made.pictures, batch, flow)
    with torch.no_grad():
        real = judge(discriminators, target, batch, flow)
    terms['adversarial'] = sum(generator_hinge(score) for score, _ in fake.values())
    # Of D^I and D^V; the mouth's features are not matched.
    matched = [name for name in fake if name != 'mouth']
    terms['features'] = sum(feature_matching(fake[name][1], real[name][1]) for name in matched) / len(matched)
    return terms


def matching_term(h, discriminators, person):
    return match_loss(h, discriminators.image.people(person).detach())


def discriminator_loss(made, batch, discriminators, flow):
    real = judge(discriminators, batch['target'], batch, flow)
    fake = judge(discriminators, made.pictures.detach(), batch, flow)
    return sum(discriminator_hinge(real[name][0], fake[name][0]) for name in real)
