"""Trains FSRT's keypoint detector: `python3 -m fsrt.detector CONFIG.toml RUN --cache FOLDER [--minutes N]`, from training/.

The paper takes the First Order Motion Model's, which is learnt without supervision from VoxCeleb and whose weights carry no
licence. Here the same network is told ten of the tracker's landmarks: eyes, nose, mouth, the head's outline. Goes on where
RUN's checkpoint stops; RUN/weights.pt is what `fsrt.train --keypoints` takes.
"""
import argparse
import time
from dataclasses import dataclass, fields

import torch

from common.crops import batches
from common.run import RunFolder, progress, read_config, seed_everything

from .episodes import Episodes
from .keypoints import KeypointDetector
from .shape import Shape

# Points of MediaPipe's topology: chin, sides, outer corners of the eyes, of the mouth, nose, inner edges of the lips.
POINTS = [152, 234, 454, 33, 263, 61, 291, 1, 13, 14]


@dataclass
class Config(Shape):
    """Settings of one experiment; those of `Shape` and these."""

    seed: int = 1
    steps: int = 4000
    batch: int = 16
    rate: float = 1e-3
    save_every: int = 250


def wanted(landmarks, count):
    """Keypoints N x count x 2 in [-1, 1] of landmarks N x 478 x 3 (crop units)."""
    return (landmarks[:, POINTS[:count], :2] / 128 - 1).clamp(-1, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('run')
    parser.add_argument('--cache', required=True, nargs='+')
    parser.add_argument('--minutes', type=float, default=0)
    arguments = parser.parse_args()
    config = read_config(arguments.config, Config)
    seed_everything(config.seed)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    run = RunFolder(arguments.run, config)
    crops = Episodes(arguments.cache)
    shape = Shape(**{field.name: getattr(config, field.name) for field in fields(Shape)})
    network = KeypointDetector(shape).to(device)
    optimiser = torch.optim.Adam(network.parameters(), config.rate)
    state, start = run.resume(), 0
    if state:
        network.load_state_dict(state['keypoints'])
        optimiser.load_state_dict(state['optimiser'])
        start = state['step']
    source = batches(crops, config.seed, config.batch, lambda rng: 1, start, device=device)
    began, errors, text = time.monotonic(), [], ''
    for step in progress(range(start, config.steps), config.steps, lambda: text, start):
        for group in optimiser.param_groups:
            group['lr'] = config.rate * (1 - step / config.steps)
        batch = next(source)
        found, _, _ = network(batch['target'])
        loss = (found - wanted(batch['target_landmarks'], config.keypoints)).abs().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        errors.append(float(loss))
        late = bool(arguments.minutes) and time.monotonic() - began > 60 * arguments.minutes
        if (step + 1) % config.save_every == 0 or step + 1 == config.steps or late:
            # Of 2 across the picture, which is 256 crop units.
            text = f'error {128 * sum(errors) / len(errors):.2f} crop units'
            run.log(step=step + 1, error=128 * sum(errors) / len(errors))
            errors = []
            run.save({'step': step + 1, 'keypoints': network.state_dict(), 'optimiser': optimiser.state_dict()})
            run.save({'step': step + 1, 'keypoints': network.state_dict()}, 'weights.pt')
        if late:
            return


if __name__ == '__main__':
    main()
