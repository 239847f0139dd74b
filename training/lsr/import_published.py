"""Makes a pack of the published LSR weights: `python3 -m lsr.import_published lsr.npz PACK --name NAME`.

What `visavis import-lsr` runs. The graphs are checked as `lsr.export` checks them.
"""
import argparse
import sys
import zipfile
from pathlib import Path

import numpy as np

from common.geometry import ROOT

from .export import write_pack
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
    write_pack(model, arguments.pack, ROOT / 'packs/warp', name=arguments.name, licence=LICENCE, data=DATA)


if __name__ == '__main__':
    main()
