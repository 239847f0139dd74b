"""One step's losses of FSRT's three phases (section 3.3): which pixels are asked for, with what terms."""
import torch

from .augment import face_crops, jittered
from .encoding import pixel_grid
from .losses import covariance, generator_losses, invariance, perceptual, variance

# Points of MediaPipe's topology that bound both eyes with their brows, and the mouth.
EYES, MOUTH = [70, 300, 105, 334, 33, 263, 145, 374], [61, 291, 0, 17]
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
    return {'latent': latent, 'keypoints': keypoints[:, -1], 'expression': own, 'target': target, 'landmarks': points}, terms


def sampled_colours(model, asked, config, random):
    """Phase I: colours of `pixels` random pixels of each picture, made and wanted, N x P x 3 (equation 17)."""
    target = asked['target']
    size, device = target.shape[-1], target.device
    weight = pixel_weight(asked['landmarks'], size, config.face_pixels)
    chosen = torch.multinomial(weight, config.pixels, generator=random).to(device)
    made = ask(model, asked, pixel_grid(size, device).flatten(0, 1)[chosen])
    return made, target.flatten(2).transpose(1, 2).gather(1, chosen[:, :, None].expand(-1, -1, 3))


def pixel_weight(landmarks, size, face):
    """How likely each pixel is asked for, N x S^2: 1, `face` near eyes and mouth. `landmarks` N x P x 2 in (-1, 1)."""
    weight = torch.ones(len(landmarks), size, size)
    for row, points in enumerate(landmarks.cpu()):
        for part in (EYES, MOUTH):
            own = (points[part] + 1) * size / 2
            (left, top), (right, bottom) = (own.amin(0) - size / 32).int().tolist(), (own.amax(0) + size / 32).int().tolist()
            weight[row, max(0, top):bottom + 1, max(0, left):right + 1] = face
    return weight.flatten(1)


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
    """Colours N x P x 3, as the paper's decoder gives them, by its shortcuts."""
    decoder = model.decoder
    return decoder.ask(pixels, decoder.constant(asked['keypoints'], asked['expression']), decoder.remember(asked['latent']))


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
