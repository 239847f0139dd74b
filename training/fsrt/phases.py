"""One step's losses of FSRT's three phases (section 3.3): which pixels are asked for, with what terms."""
import torch

from .augment import face_crops, jittered
from .encoding import pixel_grid
from .losses import covariance, generator_losses, invariance, perceptual, variance

OWN_SHARE = 0.25  # of the batches whose expression is read off the driving frame as it stands


def phase_of(config, step):
    """1, 2 or 3."""
    return 1 + (step >= config.warm_up) + (step >= config.warm_up + config.perceptual_steps)


def regularised(model, batch, config, random):
    """Expressions and keypoints of sources and driving frame, what the encoder sees, and the terms of equation 16."""
    sources, driving = batch['references'], batch['target']
    count, many = sources.shape[:2]
    everything = torch.cat([sources, driving[:, None]], 1).flatten(0, 1)
    first, second = (jittered(everything, random, many + 1) for _ in range(2))
    points = batch['target_landmarks'][..., :2] / 128 - 1
    cropped = face_crops(jittered(driving, random), points, random)
    with torch.no_grad():
        keypoints, _, _ = model.keypoints(everything)
    keypoints = keypoints.unflatten(0, (count, many + 1))
    _, read = model.motion(torch.cat([first, second, cropped]))
    whole, other = (part.unflatten(0, (count, many + 1)) for part in read[:2 * count * (many + 1)].chunk(2))
    own = read[2 * count * (many + 1):]
    chosen = whole if torch.rand((), generator=random) < 0.5 else other
    terms = {'augmentation': (invariance(whole[:, :-1], other[:, :-1]) + invariance(chosen[:, -1], own)) / 2,
             'covariance': covariance(whole.flatten(0, 1)) + covariance(other.flatten(0, 1)),
             'variance': variance(whole.flatten(0, 1)) + variance(other.flatten(0, 1))}
    if torch.rand((), generator=random) < OWN_SHARE:
        own = chosen[:, -1]
    # The encoder sees the colours of the first version with the expression of the second.
    seen = first.unflatten(0, (count, many + 1))[:, :-1]
    latent = model.encoder(seen, keypoints[:, :-1], other[:, :-1])
    # The colours that are asked for are those that the sources were given.
    target = first.unflatten(0, (count, many + 1))[:, -1]
    return {'latent': latent, 'keypoints': keypoints[:, -1], 'expression': own, 'target': target}, terms


def sampled_colours(model, asked, config, random):
    """Phase I: colours of `pixels` random pixels, made and wanted, N x P x 3 (equation 17)."""
    size = asked['target'].shape[-1]
    chosen = torch.randperm(size * size, generator=random)[:config.pixels].to(asked['target'].device)
    pixels = pixel_grid(size, asked['target'].device).flatten(0, 1)[chosen]
    made = ask(model, asked, pixels.expand(len(asked['target']), -1, -1))
    return made, asked['target'].flatten(2).transpose(1, 2)[:, chosen]


def whole_picture(model, asked, config, random):
    """Phases II and III: whole pictures N x 3 x S x S of which every `stride`-th pixel across and down, from a random one on,
    has a gradient."""
    target = asked['target']
    size, stride = target.shape[-1], config.stride
    grid = pixel_grid(size, target.device)
    count = len(target)
    with torch.no_grad():
        parts = [ask(model, asked, part.expand(count, -1, -1))
                 for part in grid.flatten(0, 1).split(config.tile)]
        made = torch.cat(parts, 1).transpose(1, 2).unflatten(2, (size, size)).clone()
    y, x = (int(offset) for offset in torch.randint(stride, (2,), generator=random))
    some = grid[y::stride, x::stride]
    colours = ask(model, asked, some.flatten(0, 1).expand(count, -1, -1))
    made[:, :, y::stride, x::stride] = colours.transpose(1, 2).unflatten(2, some.shape[:2])
    return made


def ask(model, asked, pixels):
    return model.decoder(asked['latent'], pixels, asked['keypoints'], asked['expression'])


def generator_terms(model, judge, batch, config, step, random):
    """Terms of a step's loss by name (equation 18), and the picture for the judge in phase III, else None."""
    asked, terms = regularised(model, batch, config, random)
    phase = phase_of(config, step)
    if phase == 1:
        made, wanted = sampled_colours(model, asked, config, random)
        terms['mse'] = ((made - wanted) ** 2).mean()
        return terms, None
    made, wanted = whole_picture(model, asked, config, random), asked['target']
    terms['mse'] = ((made - wanted) ** 2).mean()
    terms['perceptual'] = perceptual(made, wanted)
    if phase == 2:
        return terms, None
    terms['adversarial'], terms['matching'] = generator_losses(judge, made, wanted, asked['keypoints'])
    return terms, (made.detach(), wanted, asked['keypoints'])
