"""`python3 -m fsrt.import_published CHECKPOINT KEYPOINTS PACK`: a pack of FSRT's published checkpoints, sealed; what
`visavis import-fsrt` runs. Prints a JSON line at the end.
"""
import argparse
import contextlib
import json
import sys
from pathlib import Path

from .export import seal, write_pack
from .published import load_published

LICENCE = 'none is stated for the published weights: not to be distributed'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('checkpoint')
    parser.add_argument('keypoints')
    parser.add_argument('pack', type=Path)
    arguments = parser.parse_args()
    model = load_published(arguments.checkpoint, arguments.keypoints)
    shape = model.shape
    name = f'fsrt-{shape.size}-e{shape.expression}' + ('-small' if len(shape.render_widths) < 4 else '')
    with contextlib.redirect_stdout(sys.stderr):
        write_pack(model, arguments.pack, checked=(1,), name=name, licence=LICENCE, data='VoxCeleb, by its authors')
    seal(arguments.pack)
    print(json.dumps({'name': name, 'expression': shape.expression}))


if __name__ == '__main__':
    main()
