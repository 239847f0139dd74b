"""Makes a pack of the published LSR weights: `python3 -m lsr.import_published lsr.npz PACK --name NAME`.

What `visavis import-lsr` runs. The graphs are checked as `lsr.export` checks them.
"""
import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

from .export import REPOSITORY, write_graphs, write_manifest
from .published import CheckpointError, read_variables

LICENCE = 'none stated by its authors: yours to use, not to pass on'
DATA = 'VoxCeleb2 (Meshry et al. 2021)'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint')
    parser.add_argument('pack', type=Path)
    parser.add_argument('--name', required=True)
    arguments = parser.parse_args()
    try:
        model = read_variables(np.load(arguments.checkpoint, allow_pickle=False))
    except (CheckpointError, OSError, ValueError, zipfile.BadZipFile) as error:
        sys.exit(f'{arguments.checkpoint} cannot be used: {error}')
    write_graphs(model, arguments.pack)
    write_manifest(arguments.pack, model.shape, arguments.name, '1.0.0', LICENCE, DATA, REPOSITORY / 'packs/warp')


if __name__ == '__main__':
    main()
