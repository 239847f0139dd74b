#!/usr/bin/env python3
"""Curves of runs, from their `log.csv`: `/usr/bin/python3 -m common.plot RUN [RUN ...] --out curves.svg`
(in training/). A panel for each column, a line for each run; PNG where the name ends in .png.
"""
import argparse
import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt

COLUMNS = 3
# Title and unit of what the trainings log; other columns go by their names.
TITLES = {
    'seconds': ('Time since this start', 's'),
    'charbonnier': ('Charbonnier error, mouth and eyes weighted', 'full scale'),
    'picture': ('Squared error of the picture', 'ln'),
    'features': ('Squared error of mouth and eyes', 'ln'),
    'laplacian': ('Laplacian pyramid, sum of bands', 'full scale'),
    'ssim': ('1 − SSIM', '1'),
    'energy': ('Error of detail energy', 'full scale'),
    'code_size': ('Mean square of the codes', '1'),
    'adversarial': ('Adversarial term of the generator', 'score'),
    'matching': ('Feature matching', 'activation'),
    'judge': ('Hinge loss of the discriminator', 'score'),
    'warp_psnr': ('PSNR of the warp, held out', 'dB'),
    'gain': ('PSNR over the warp, held out', 'dB'),
    'gain_features': ('… in mouth and eyes, held out', 'dB'),
    'warp_sharpness': ('Sharpness of the warp, held out', 'of the source'),
    'sharpness': ('Sharpness, held out', 'of the source'),
    'loss': ('Sum of the losses', 'pixels'),
    'error': ('Error of the keypoints', 'crop units'),
    'coarse': ('Error of all points', 'pixels'),
    'refined': ('Error of lids, irises and lips, refined', 'weighted pixels'),
    'depth': ('Error of depth', 'weighted pixels'),
    'presence': ('Cross-entropy of the presence score', 'weighted nats'),
}
for points in ('all', 'lips', 'lids', 'irises'):
    TITLES[points] = (f'{points}, held out', '% of inter-ocular distance')
    TITLES[f'{points}_turned'] = (f'{points}, held out, turned in 3-D', '% of inter-ocular distance')


def read_log(run):
    """Columns of a run's log as lists of (step, value); cells that are empty are left out."""
    path = Path(run) / 'log.csv'
    if not path.exists():
        sys.exit(f'{run} has no log.csv: give the folder of a run that has logged')
    columns = {}
    with path.open(newline='') as file:
        for row in csv.DictReader(file):
            for name, cell in row.items():
                if name != 'step' and cell:
                    columns.setdefault(name, []).append((int(row['step']), float(cell)))
    return columns


def plot(runs, out):
    logs = {str(run): read_log(run) for run in runs}
    names = list(dict.fromkeys(name for log in logs.values() for name in log))
    if not names:
        sys.exit(f'{", ".join(map(str, runs))}: nothing is logged yet')
    rows = -(-len(names) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(5 * COLUMNS, 3 * rows), squeeze=False,
                                layout='constrained')
    for axis, name in zip(axes.flat, names):
        title, unit = TITLES.get(name, (name, ''))
        for run, log in logs.items():
            steps, values = zip(*log.get(name, [(float('nan'), float('nan'))]))
            axis.plot(steps, values, marker='.' if len(steps) < 40 else None, label=run)
        axis.set(title=title, xlabel='step', ylabel=unit)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names):]:
        axis.remove()
    if len(logs) > 1:
        axes.flat[0].legend()
    figure.suptitle(' · '.join(logs))
    figure.savefig(out, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('runs', nargs='+', metavar='RUN')
    parser.add_argument('--out', type=Path, required=True, help='curves.svg or curves.png')
    arguments = parser.parse_args()
    if arguments.out.suffix not in ('.svg', '.png'):
        sys.exit(f'{arguments.out}: give a name that ends in .svg or .png')
    plot(arguments.runs, arguments.out)


if __name__ == '__main__':
    main()
