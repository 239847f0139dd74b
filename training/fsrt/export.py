"""Makes a pack of trained weights: `python3 -m fsrt.export WEIGHTS PACK --name NAME [--motion SEQUENCES.npz]`.

Writes the graphs of `graphs.py` (float16 weights, float32 arithmetic), checks each against PyTorch in
onnxruntime-node with one source and with three, and writes the motion codec's files: from `--motion`, sequences of
motion as `fsrt.motion` writes them, or guessed without. Seal the pack with tools/seal-pack.ts.
"""
import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from common.onnx_export import halve_weights, round_weights, run_in_node, write

from .graphs import examples, graph
from .model import Fsrt
from .shape import Shape
from .vector import KEYPOINT_STEP, counted, guessed_counts, statistics, write_tables, write_vector

TOLERANCE = 1e-3  # of the largest value where that is above 1
GUESSED_STEP = 0.3


def load(path):
    """The model of a weights.pt file of a run."""
    state = torch.load(path, map_location='cpu')
    model = Fsrt(Shape(**state['shape']))
    model.load_state_dict(state['weights'])
    return model.eval()


@torch.no_grad()
def check(path, example):
    """Ends the program where the graph and the module differ by more than TOLERANCE."""
    module, inputs, outputs, _ = example
    made = run_in_node(path, {name: value.numpy() for name, value in inputs.items()})
    wanted = module(*inputs.values())
    for name, value in zip(outputs, wanted if isinstance(wanted, tuple) else (wanted,)):
        error, largest = float(np.abs(made[name] - value.numpy()).max()), float(value.abs().max())
        print(f'{path.name} {name}: largest difference {error:.6f} of {largest:.3f}')
        if not error < TOLERANCE * max(1, largest):
            sys.exit(f'{path}: {name} differs from PyTorch by {error}, more than {TOLERANCE}')


def write_graphs(model, pack, checked=(1, 3)):
    """The pack's networks; the model's weights are rounded to what the files hold."""
    round_weights(model)
    for name, example in examples(model).items():
        made = graph(example)
        halve_weights(made)
        write(made, pack / f'{name}.onnx')
    for sources in checked:
        for name, example in examples(model, sources, pixels=48 * sources, seed=sources).items():
            check(pack / f'{name}.onnx', example)


def write_motion(shape, pack, sequences=None):
    """`vector.bin` and `tables.bin`; `sequences`: frames x values each, or None to guess."""
    poses = 2 * shape.keypoints
    count = poses + shape.expression
    if sequences:
        rest, steps = statistics(sequences, poses)
        write_tables(pack / 'tables.bin', *counted(sequences, rest, steps))
    else:
        rest = np.zeros(count)
        steps = np.where(np.arange(count) < poses, KEYPOINT_STEP, GUESSED_STEP)
        write_tables(pack / 'tables.bin', *guessed_counts(count))
    write_vector(pack / 'vector.bin', shape.size, poses, rest, steps)


def write_manifest(pack, name, licence, data, networks):
    manifest = {
        'format': 1, 'name': name, 'version': '1.0.0', 'family': 'fsrt', 'protocol': 1, 'licence': licence,
        'trainingData': data, 'motion': {'vector': 'vector.bin', 'tables': 'tables.bin'},
        'networks': {role: f'{role}.onnx' for role in networks}, 'files': {},
    }
    (pack / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n')


def seal(pack):
    """Length and SHA-256 of every file into the manifest, as tools/seal-pack.ts."""
    path = pack / 'manifest.json'
    manifest = json.loads(path.read_text())
    for file in sorted(pack.iterdir()):
        if file != path and file.suffix != '.md':
            content = file.read_bytes()
            manifest['files'][file.name] = {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}
    path.write_text(json.dumps(manifest, indent=2) + '\n')


def write_pack(model, pack, name, licence, data, sequences=None, checked=(1, 3)):
    """All files of a pack, unsealed."""
    pack.mkdir(parents=True, exist_ok=True)
    write_graphs(model, pack, checked)
    write_motion(model.shape, pack, sequences)
    write_manifest(pack, name, licence, data, examples(model, 1, 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('weights')
    parser.add_argument('pack', type=Path)
    parser.add_argument('--name', required=True)
    parser.add_argument('--licence', default='MIT')
    parser.add_argument('--data', default='see README.md of the pack')
    parser.add_argument('--motion', type=Path)
    arguments = parser.parse_args()
    sequences = list(np.load(arguments.motion).values()) if arguments.motion else None
    write_pack(load(arguments.weights), arguments.pack, arguments.name, arguments.licence, arguments.data, sequences)


if __name__ == '__main__':
    main()
