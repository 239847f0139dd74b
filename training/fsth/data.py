"""K-shot episodes of `common/crops.py` that know their video (Zakharov et al. 2019, section 3.2).

A video is a clip of a person: row i of the discriminator's W is its own.
"""
import numpy as np
import torch

from common.crops import Crops

MOST_HELD_OUT = 48  # episodes that a run is measured on


class Episodes(Crops):
    """`folders` and `held_out` as of `Crops`."""

    def __init__(self, folders, held_out=()):
        super().__init__(folders, held_out)
        self.videos = {clip: i for i, clip in enumerate(sorted(self.train))}

    def video(self, index):
        """The video of a crop; 0 for who is held out."""
        entry = self.entries[index]
        return self.videos.get((entry['person'], entry['clip']), 0)

    def batch(self, clips, rng, size, count, augment=True):
        """As of `Crops`, with `video` (size) int64."""
        chosen = [self.choose(clips, rng, count) for _ in range(size)]
        items = [self.episode(*rows, rng if augment else None) for rows in chosen]
        made = {name: torch.from_numpy(np.stack([item[name] for item in items])) for name in items[0]}
        return {**made, 'video': torch.tensor([self.video(target) for target, _ in chosen])}

    def held_out_batches(self, count, device):
        """The same episodes each time, one by one; none where nobody is held out."""
        rng = np.random.default_rng(0)
        for _ in range(MOST_HELD_OUT if self.held_out else 0):
            batch = self.batch(self.held_out, rng, 1, count, False)
            yield {name: value.to(device) for name, value in batch.items()}
