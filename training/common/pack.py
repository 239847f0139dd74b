"""What the exports of the families share: their command line, a pack's manifest and the motion codec's files."""
import argparse
import json
import shutil
from pathlib import Path

from .geometry import ROOT


def pack_parser(description):
    """The arguments of every export: `weights`, `pack` (a path), `name`, `version`, `data`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('weights')
    parser.add_argument('pack', type=Path)
    parser.add_argument('--name', required=True)
    parser.add_argument('--version', default='1.0.0')
    parser.add_argument('--data', default='see README.md of the pack')
    return parser


def motion_pack_parser(description, motion='warp'):
    """As `pack_parser`, with `motion`, the folder whose motion codec is taken: a pack's of the repository by default."""
    parser = pack_parser(description)
    parser.add_argument('--motion', type=Path, default=ROOT / 'packs' / motion)
    return parser


def copy_motion(folder, pack, names=('basis', 'tables')):
    """Copies files of the motion codec into a pack; gives what its manifest says of them."""
    files = {name: f'{name}.bin' for name in names}
    if folder.resolve() != pack.resolve():
        for file in files.values():
            shutil.copyfile(folder / file, pack / file)
    return files


def write_manifest(pack, family, networks, motion, *, name, data, version='1.0.0', licence='MIT', **more):
    """Writes the manifest of a pack whose files are not sealed yet. `networks`: their roles; `motion`: as of `copy_motion`."""
    manifest = {
        'format': 1, 'name': name, 'version': version, 'family': family, 'protocol': 1, 'licence': licence,
        'trainingData': data, 'motion': motion, 'networks': {role: f'{role}.onnx' for role in networks}, **more, 'files': {},
    }
    (pack / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')
