#!/usr/bin/env python3
"""Trains the tracker on cached crops; goes on where an earlier run in the same folder stopped.

    /usr/bin/python3 -m tracker.train CONFIG CACHE FOLDER [FACEMESH_ONNX]     (run in training/)
    torchrun --nproc_per_node 4 -m tracker.train ...

CONFIG is a TOML file of `Config`'s settings; FACEMESH_ONNX are the weights to start from. FOLDER
gets `config.json`, `log.csv` and `checkpoint.pt`.
"""
import copy
import json
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from common.run import RunFolder, distributed, progress, read_config, seed_everything

from .augment import empty_sample, face_sample, plain_sample
from .cache import SIDE as CROP_SIDE
from .network import REFINED, Tracker
from .points import IRISES, LIDS, LIPS

GROUPS = {'all': slice(None), 'lips': LIPS, 'lids': LIDS, 'irises': IRISES}


@dataclass
class Config:
    seed: int = 1
    steps: int = 4000
    batch: int = 32  # of each process
    trunk_rate: float = 1.5e-4  # learning rates at their peak; a cosine brings them to 0
    refiner_rate: float = 8e-4
    warm_up: int = 100
    average_steps: float = 200.0  # the weights kept are a running mean over about as many steps
    freeze_stem: bool = True
    empty_share: float = 0.08  # samples without a face
    refined_weight: float = 1.5
    depth_weight: float = 0.15
    presence_weight: float = 1.0
    report_every: int = 50
    check_every: int = 250  # on held_out, and a checkpoint
    held_out: list = field(default_factory=list)  # people, as in people.json, never trained on
    threads: int = 1
    workers: int = 0  # processes that make samples


class Crops:
    """The cache that tracker/cache.py wrote."""

    def __init__(self, folder, held_out):
        stored = np.load(folder / 'crops.npz')
        self.images = np.memmap(folder / 'crops.u8', np.uint8, 'r').reshape(-1, CROP_SIDE, CROP_SIDE, 3)
        self.points, self.face = stored['points'], stored['face']
        self.person, self.turned = stored['person'], stored['turned']
        names = json.loads((folder / 'people.json').read_text())
        unknown = set(held_out) - set(names)
        if unknown:
            sys.exit(f'{folder} has no crops of {", ".join(sorted(unknown))}, which are to be held out')
        self.held = np.isin(self.person, [names.index(name) for name in held_out])


class Samples(torch.utils.data.Dataset):
    """Sample n depends on the seed and on n alone, so a resumed run sees what it would have seen."""

    def __init__(self, crops, config):
        self.crops, self.config = crops, config
        usable = crops.face & ~crops.held
        counts = np.bincount(crops.person[usable], minlength=crops.person.max() + 1)
        # A person's share grows with the root of their crops: neither clips nor stills rule.
        weight = np.where(usable, 1 / np.sqrt(np.maximum(counts, 1))[crops.person], 0)
        self.cumulative = np.cumsum(weight / weight.sum())
        self.empty = np.flatnonzero(~crops.face)

    def __len__(self):
        return 2**62

    def __getitem__(self, n):
        crops = self.crops
        rng = np.random.default_rng([self.config.seed, n])
        if rng.random() < self.config.empty_share and len(self.empty):
            image, points = empty_sample(crops.images[rng.choice(self.empty)], rng)
            return image.transpose(2, 0, 1).copy(), points.astype(np.float32), np.float32(0)
        index = np.searchsorted(self.cumulative, rng.random() * self.cumulative[-1])
        other = crops.images[rng.integers(len(crops.images))]
        image, points = face_sample(crops.images[index], crops.points[index], other, rng)
        return image.transpose(2, 0, 1).copy(), points.astype(np.float32), np.float32(1)


def batches(samples, config, start, processes):
    """This process's batches from step `start` on."""
    sampler = [step * config.batch * processes.world + processes.rank * config.batch + i
               for step in range(start, config.steps) for i in range(config.batch)]
    return torch.utils.data.DataLoader(samples, config.batch, sampler=sampler, num_workers=config.workers,
                                       worker_init_fn=lambda _: cv2.setNumThreads(1))


def distance(found, true):
    """Mean distance in the picture, in input pixels; soft within a third of a pixel."""
    return ((found - true)[..., :2].pow(2).sum(-1) + 0.1).sqrt()


def losses(outputs, points, face, config):
    coarse, fine, presence = outputs
    share = face / face.sum().clamp(min=1)
    return {
        'coarse': (distance(coarse, points).mean(1) * share).sum(),
        'refined': (distance(fine[:, REFINED], points[:, REFINED]).mean(1) * share).sum() * config.refined_weight,
        'depth': ((coarse - points)[..., 2].abs().mean(1) * share).sum() * config.depth_weight,
        'presence': F.binary_cross_entropy_with_logits(presence, face) * config.presence_weight,
    }


@torch.no_grad()
def check(network, crops, device):
    """Mean errors on the people held out, in per cent of the inter-ocular distance."""
    errors, rng = [], np.random.default_rng(0)
    rows = np.flatnonzero(crops.held)
    for part in np.array_split(rows, max(len(rows) // 64, 1)):
        pairs = [plain_sample(crops.images[i], crops.points[i], rng) for i in part]
        images = torch.tensor(np.stack([p[0] for p in pairs]), device=device).permute(0, 3, 1, 2) / 255
        true = np.stack([p[1] for p in pairs])
        fine = network(images)[1].cpu().numpy()
        unit = np.linalg.norm(true[:, 468, :2] - true[:, 473, :2], axis=1)[:, None] / 100
        errors.append(np.linalg.norm((fine - true)[..., :2], axis=2) / unit)
    errors = np.concatenate(errors)
    turned = crops.turned[rows]
    return {f'{name}{suffix}': float(errors[mask][:, group].mean()) for suffix, mask in
            (('', ~turned), ('_turned', turned)) for name, group in GROUPS.items() if mask.any()}


def rate_at(step, config):
    """Share of the peak learning rate."""
    return min((step + 1) / config.warm_up, 1) * (1 + math.cos(math.pi * step / config.steps)) / 2


@torch.no_grad()
def follow(average, network, step, config):
    """Moves the mean weights a step towards the network's; early on it is the mean of all so far."""
    share = max(1 / config.average_steps, 1 / (step + 1))
    for mean, now in zip(average.parameters(), network.parameters()):
        mean.lerp_(now, share)


def train(config, cache, folder, start_weights=None, stop=None):
    """Trains to the end, or to a step `stop` that has a checkpoint."""
    processes = distributed()
    seed_everything(config.seed)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(1)
    run = RunFolder(folder, config, processes.main)
    crops = Crops(cache, config.held_out)
    network = Tracker()
    if start_weights:
        network.mesh.load_onnx(start_weights)
    network.to(processes.device)
    if config.freeze_stem:
        for part in (network.mesh.first, network.mesh.stem):
            part.requires_grad_(False)
    trunk = [p for p in network.mesh.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam([{'params': trunk, 'peak': config.trunk_rate},
                                  {'params': network.refiners.parameters(), 'peak': config.refiner_rate}])
    average = copy.deepcopy(network).eval()
    start, state = 0, run.resume()
    if state:
        start = state['step']
        average.load_state_dict(state['average'])
        network.load_state_dict(state['network'])
        optimiser.load_state_dict(state['optimiser'])
    model = network
    if processes.world > 1:
        model = torch.nn.parallel.DistributedDataParallel(network)
    status, sums, began = '', {}, time.monotonic()

    def save(step):
        run.save({'step': step, 'network': network.state_dict(), 'average': average.state_dict(),
                  'optimiser': optimiser.state_dict()})

    steps = enumerate(batches(Samples(crops, config), config, start, processes), start)
    for step, (images, points, face) in progress(steps, config.steps, lambda: status, start):
        for group in optimiser.param_groups:
            group['lr'] = group['peak'] * rate_at(step, config)
        images, points, face = (t.to(processes.device) for t in (images, points, face))
        parts = losses(model(images.float() / 255), points, face, config)
        loss = sum(parts.values())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 20)
        optimiser.step()
        follow(average, network, step, config)
        for name, value in {'loss': loss, **parts}.items():
            sums[name] = sums.get(name, 0) + float(value.detach())
        done = step + 1
        if done % config.report_every and done < config.steps:
            continue
        row = {name: value / ((step % config.report_every) + 1) for name, value in sums.items()}
        sums = {}
        checked = done % config.check_every == 0 or done == config.steps
        errors = check(average, crops, processes.device) if checked and crops.held.any() else {}
        if not errors:
            errors = dict.fromkeys([f'{n}{s}' for s in ('', '_turned') for n in GROUPS], '')
        run.log(step=done, seconds=time.monotonic() - began, **row, **errors)
        status = f'loss {row["loss"]:.3f}' + (f' held out {errors["all"]:.2f} %' if checked and errors['all'] else '')
        if checked:
            save(done)
        if done == stop:
            break


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    config = read_config(sys.argv[1], Config)
    train(config, Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4] if len(sys.argv) == 5 else None)


if __name__ == '__main__':
    main()
